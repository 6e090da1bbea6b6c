//! The dialog that runs a program in the project's folder, as `slipway exec` does from a terminal.

use api::{
    ApiError, ProjectId,
    run::{Run, StartCommand},
    spending::BudgetConfig,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::Client,
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, TextField},
        icon,
        limits::{FoldedLimits, Limits},
        program_place::{FoldedPlace, ProgramPlace},
        states::Problem,
    },
};

#[component]
pub(super) fn RunProgram(open: RwSignal<bool>) -> impl IntoView {
    view! { <Dialog open title="Run a program"><Form open /></Dialog> }
}

#[component]
fn Form(open: RwSignal<bool>) -> impl IntoView {
    let (place, client, pending) = (Place::get(), Client::get(), Pending::new());
    let navigate = StoredValue::new_local(use_navigate());
    let [command, name] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let at = ProgramPlace::new();
    let limits = Limits::of(&BudgetConfig::default());
    let budget = place.known.value.with_untracked(|known| known.as_ref().map(|known| known.file.budget.clone()));
    let wrong = RwSignal::new(None::<ApiError>);
    let start = move || {
        let Some(project) = place.project.get_untracked() else { return };
        let asked = asked(project, &command.get_untracked(), &name.get_untracked());
        let whole = |asked: StartCommand| -> Result<StartCommand, String> {
            let (budget, variables) = untrack(|| Ok::<_, String>((limits.budget()?, at.variables()?)))?;
            Ok(StartCommand { budget, variables, directory: untrack(|| at.directory()), ..asked })
        };
        let asked = match asked.and_then(whole) {
            Ok(asked) => asked,
            Err(why) => {
                wrong.set(Some(ApiError::invalid(why)));
                return;
            }
        };
        pending.run_or(
            async move { client.call(asked).await },
            move |run: Run| {
                open.try_set(false);
                let to = untrack(|| place.link(&format!("runs/{}", run.id)));
                navigate.try_with_value(|navigate| navigate(&to, Default::default()));
            },
            move |error| drop(wrong.try_set(Some(error))),
        );
    };
    let entered = Callback::new(move |()| start());
    view! {
        <div class="content form">
            <Labelled label="Command" hint="Without a shell; its output is the run's log. Name the Python of an environment by its path.">
                <TextField value=command placeholder="python train.py --rate 0.1" class="mono" on_enter=entered />
            </Labelled>
            <Labelled label="Name" hint="Two words by default."><TextField value=name on_enter=entered /></Labelled>
            <FoldedPlace typed=at kept="A run keeps them with secrets masked; run again, it has the host's alone." />
            <FoldedLimits limits standing=budget.unwrap_or_default() />
        </div>
        {move || wrong.get().map(|error| view! { <div class="content"><Problem error /></div> })}
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Run" mark=icon::PLAY kind="primary" disabled=pending.busy on_press=start />
        </footer>
    }
}

/// What is to be started, its words as a shell splits them, or what is wrong with it.
fn asked(project: ProjectId, command: &str, name: &str) -> Result<StartCommand, String> {
    let command = shlex::split(command).ok_or("The command's quotation marks don't match.")?;
    if command.is_empty() {
        return Err("Which program is to be run?".to_owned());
    }
    let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let budget = BudgetConfig::default();
    Ok(StartCommand { project, command, directory: None, environment: None, variables: None, name, budget })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        let split = |line: &str| asked(ProjectId::from_bytes([1; 16]), line, " ").map(|asked| asked.command);
        assert_eq!(
            split("python 'my train.py' --note=\"two words\""),
            Ok(["python", "my train.py", "--note=two words"].map(str::to_owned).to_vec())
        );
        assert!(split("python 'train.py").is_err());
        assert!(split("  ").is_err());
    }
}
