//! Where a program runs and which variables it has beside the host's, as it is typed: of a run and of a search alike.

use std::collections::BTreeMap;

use api::search::Environment;
use leptos::prelude::*;

use super::field::{Labelled, TextField};

#[derive(Clone, Copy)]
pub(crate) struct ProgramPlace {
    directory: RwSignal<String>,
    variables: RwSignal<String>,
}

impl ProgramPlace {
    pub(crate) fn new() -> Self {
        let [directory, variables] = std::array::from_fn(|_| RwSignal::new(String::new()));
        Self { directory, variables }
    }

    /// Nothing typed is the project's folder.
    pub(crate) fn directory(self) -> Option<String> {
        Some(self.directory.with(|typed| typed.trim().to_owned())).filter(|typed| !typed.is_empty())
    }

    /// The variables, or what is wrong with them.
    pub(crate) fn variables(self) -> Result<Option<Environment>, String> {
        self.variables.with(|typed| variables(typed))
    }
}

/// One a line; what is wrong with a line is said without its value, which may be a secret.
fn variables(typed: &str) -> Result<Option<Environment>, String> {
    let mut all = BTreeMap::new();
    for (at, line) in typed.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let named = line.split_once('=').map(|(name, value)| (name.trim(), value));
        let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
        let Some((name, value)) = named.filter(|(name, _)| is_name(name)) else {
            return Err(format!("Line {} of the variables is no NAME=VALUE.", at + 1));
        };
        if all.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{name} stands twice among the variables."));
        }
    }
    Ok((!all.is_empty()).then_some(Environment(all)))
}

/// Both, folded: most programs need neither.
#[component]
pub(crate) fn FoldedPlace(
    typed: ProgramPlace,
    /// How long the variables are kept.
    #[prop(into)]
    kept: String,
) -> impl IntoView {
    let wrong = Signal::derive(move || typed.variables().err());
    view! {
        <details class="folded">
            <summary>"Folder and variables"</summary>
            <div class="form">
                <Labelled label="Folder" hint="A whole path on the host's machine; empty is the project's folder.">
                    <TextField value=typed.directory class="mono" placeholder="the project's folder" />
                </Labelled>
                <Labelled label="Variables" hint=format!("NAME=VALUE, one a line, beside the host's own. {kept}") error=wrong>
                    <span class="field area">
                        <textarea
                            rows="3"
                            class="mono"
                            spellcheck="false"
                            placeholder="OMP_NUM_THREADS=4"
                            prop:value=move || typed.variables.get()
                            on:input=move |event| typed.variables.set(event_target_value(&event))
                        ></textarea>
                    </span>
                </Labelled>
            </div>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_one_a_line() {
        let read = |typed: &str| variables(typed).map(|all| all.map(|Environment(all)| all));
        assert_eq!(read(" \n\n"), Ok(None));
        let all = [("A", "1"), ("B", "x=y z"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read("A=1\r\n\n  B =x=y z\nEMPTY="), Ok(Some(BTreeMap::from(all))));
        for (wrong, said) in [
            ("A=1\nhunter2", "Line 2 of the variables is no NAME=VALUE."),
            ("=hunter2", "Line 1 of the variables is no NAME=VALUE."),
            ("export KEY=hunter2", "Line 1 of the variables is no NAME=VALUE."),
            ("KEY=1\nKEY=hunter2", "KEY stands twice among the variables."),
        ] {
            assert_eq!(read(wrong), Err(said.to_owned()));
        }
    }
}
