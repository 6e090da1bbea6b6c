//! What a version is and where it came from.

use api::{config::ModelChoice, evaluation::Task, model::VersionDetail};
use leptos::prelude::*;

use crate::{
    frame::place::Place,
    parts::{button::CopyButton, card::Card, when::Ago, words},
};

/// Values of this length are hashes and ids: nobody reads them, people copy them.
const LONG: usize = 24;

#[component]
pub(super) fn About(now: Signal<VersionDetail>, place: Place) -> impl IntoView {
    view! {
        <Card title="What it is" class="h">
            {move || {
                let now = now.get();
                let version = now.version;
                let rows = format!(
                    "{} training · {} validation · {} test",
                    words::count(version.rows.training), words::count(version.rows.validation), words::count(version.rows.test)
                );
                // What has a line of its own here is not repeated from the lineage.
                let rest: Vec<_> = now.lineage.into_iter().filter(|(key, _)| !matches!(key.as_str(), "run" | "run_name" | "seed" | "commit" | "snapshot_number")).collect();
                view! {
                    <dl class="pairs">
                        <dt>"Kind"</dt><dd>{words::capital(kind(version.kind))}</dd>
                        <dt>"Task"</dt><dd>{words::capital(task(version.task))}</dd>
                        {version.signature.positive().map(|class| view! { <dt>"Positive class"</dt><dd class="mono">{class.to_owned()}</dd> })}
                        <dt>"Data"</dt>
                        <dd>{match version.snapshot_number {
                            Some(number) => view! { <a class="link mono" href=place.link("data")>{format!("v{number}")}</a> }.into_any(),
                            None => "Not known".into_any(),
                        }}</dd>
                        <dt>"Rows"</dt><dd>{rows}</dd>
                        <dt>"Run"</dt><dd><a class="link" href=place.link(&format!("runs/{}", version.run))>{version.run_name}</a></dd>
                        <dt>"Code"</dt>
                        <dd>{match version.commit.as_deref() {
                            Some(commit) => view! { <span class="mono">{words::short_hash(commit)}</span> }.into_any(),
                            None => "No git repository".into_any(),
                        }}</dd>
                        <dt>"Seed"</dt><dd class="mono">{version.seed.map_or_else(|| "–".to_owned(), |seed| seed.to_string())}</dd>
                        <dt>"Threshold"</dt><dd class="mono">{version.threshold.map_or_else(|| "–".to_owned(), words::figure)}</dd>
                        <dt>"Content"</dt><dd class="flex"><span class="mono cut">{words::short_hash(&version.content)}</span><CopyButton text=version.content label="Copy the content hash" /></dd>
                        <dt>"Registered"</dt><dd><Ago ms=version.created_ms /></dd>
                        {rest.into_iter().map(|(key, value)| {
                            let label = words::param(&key);
                            let copied = (value.len() >= LONG).then(|| view! { <CopyButton text=value.clone() label=format!("Copy: {label}") /> });
                            let is_hash = value.len() >= LONG && value.chars().all(|digit| digit.is_ascii_hexdigit());
                            let shown = if is_hash { words::short_hash(&value) } else { value.clone() };
                            view! { <dt>{label}</dt><dd class="flex"><span class="mono cut" title=value>{shown}</span>{copied}</dd> }
                        }).collect_view()}
                    </dl>
                }
            }}
        </Card>
    }
}

pub(super) const fn kind(kind: ModelChoice) -> &'static str {
    match kind {
        ModelChoice::Default => "default model",
        ModelChoice::Linear => "linear model",
        ModelChoice::Mlp => "multilayer perceptron",
        ModelChoice::Trees => "gradient-boosted trees",
        ModelChoice::Cnn => "convolutional network",
    }
}

pub(super) const fn task(task: Task) -> &'static str {
    match task {
        Task::BinaryClassification => "binary classification",
        Task::MulticlassClassification => "multiclass classification",
        Task::Regression => "regression",
    }
}
