//! A whole file answered row by row, or a folder of pictures, into a file of the person's.

use api::{
    config::ColumnType,
    model::{PredictFile, VersionDetail},
};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    client::shell,
    parts::{
        button::Button,
        card::Card,
        field::{Labelled, Switch, TextField},
        icon,
        toast::Toasts,
        under_way::{Started, Starting},
    },
};

#[component]
pub(super) fn FileCard(now: Signal<VersionDetail>) -> impl IntoView {
    let toasts = Toasts::get();
    let predicting = Starting::new(move |job| toasts.done(job.message.clone()));
    let (version, takes_pictures) = now.with_untracked(|now| {
        let inputs = &now.version.signature.inputs;
        (now.version.id, inputs.iter().any(|input| input.kind == ColumnType::Image))
    });
    let [input, output] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let overwrite = RwSignal::new(false);
    let choose = move || {
        spawn_local(async move {
            let chosen = if takes_pictures {
                shell::pick_folder("Predict a folder of pictures").await
            } else {
                shell::pick_files("Predict a file").await.into_iter().next()
            };
            let Some(path) = chosen else { return };
            if output.try_with_untracked(String::is_empty) == Some(true) {
                output.try_set(beside(&path));
            }
            input.try_set(path);
        });
    };
    let place = move || {
        spawn_local(async move {
            let proposed = output.try_get_untracked().unwrap_or_default();
            let name = proposed.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or("predicted.csv");
            if let Some(path) = shell::save_path("Save the predictions", name).await {
                output.try_set(path);
                // The system's dialog has asked.
                overwrite.try_set(true);
            }
        });
    };
    let text = move |field: RwSignal<String>| field.with(|text| text.trim().to_owned());
    let start = move || {
        let (input, output) = untrack(|| (text(input), text(output)));
        predicting.start(PredictFile { version, input, output, overwrite: overwrite.get_untracked() });
    };
    let cannot = Signal::derive(move || predicting.busy.get() || text(input).is_empty() || text(output).is_empty());
    let (what, example) = if takes_pictures {
        ("Folder of pictures", "/home/you/pictures")
    } else {
        ("File of rows", "/home/you/rows.csv")
    };
    view! {
        <Card title="Predict a file" class="h" extra=ViewFn::from(|| view! { <span class="faint caption">"paths on the machine that Slipway runs on"</span> })>
            <div class="form">
                <Started starting=predicting />
                <div class="two-fields">
                    <div class="with-button">
                        <Labelled label=what><TextField value=input class="mono" placeholder=example /></Labelled>
                        {shell::is_there().then(|| view! { <Button label="Choose…" on_press=choose /> })}
                    </div>
                    <div class="with-button">
                        <Labelled label="Predictions go to"><TextField value=output class="mono" placeholder="/home/you/predicted.csv" /></Labelled>
                        {shell::is_there().then(|| view! { <Button label="Choose…" on_press=place /> })}
                    </div>
                </div>
                <div class="flex wrap">
                    <Button label="Predict file" mark=icon::PLAY disabled=cannot on_press=start />
                    <Switch value=overwrite label="Replace a file that is there" />
                </div>
            </div>
        </Card>
    }
}

/// A name for the predictions beside what they are of.
fn beside(path: &str) -> String {
    let name_at = path.rfind(['/', '\\']).map_or(0, |at| at + 1);
    let stem = path[name_at..].rfind('.').filter(|at| *at > 0).map_or(path, |at| &path[..name_at + at]);
    format!("{stem}-predicted.csv")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_are_proposed_beside_their_rows() {
        for (path, proposed) in [
            ("/data/rows.parquet", "/data/rows-predicted.csv"),
            ("/data/v1.2/pictures", "/data/v1.2/pictures-predicted.csv"),
            ("C:\\data\\rows.csv", "C:\\data\\rows-predicted.csv"),
            ("/data/.hidden", "/data/.hidden-predicted.csv"),
        ] {
            assert_eq!(beside(path), proposed);
        }
    }
}
