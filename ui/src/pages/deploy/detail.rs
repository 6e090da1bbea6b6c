//! A deployment's pane: what it is, the way back, scaling, instances, rollouts; then a sample call, traffic, events
//! and logs.

use api::{
    deploy::{CallAnswer, CallDeployment, DeleteDeployment, Deployment, GetDeployment, Instance, ScaleDeployment},
    id::DeploymentId,
    model::{GetVersion, VersionDetail},
};
use leptos::prelude::*;

use super::{
    cancel::Rolling,
    events::Events,
    logs::Logs,
    rollouts::{Back, Rollouts},
    state,
};
use crate::{
    client::{Client, query::query},
    frame::place::Place,
    parts::{
        button::{Button, CopyButton, Pending},
        card::Chip,
        dialog::Confirm,
        field::TextField,
        icon,
        request::Request,
        row_form::{Answer, RowDraft, RowForm},
        send_traffic::Traffic,
        states::{Load, Problem, prose},
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        words,
    },
};

#[component]
pub(super) fn Detail(
    id: DeploymentId,
    place: Place,
    on_gone: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let deployment = query(move || Some(GetDeployment { deployment: id }));
    view! {
        <Load query=deployment let:now>
            {
                let back = Back::new(now);
                view! {
                    <Head now place back on_gone />
                    <Rolling now />
                    <Instances now />
                    <Rollouts now back />
                    <Call now />
                    <Traffic id />
                    <Events id />
                    <Logs now />
                }
            }
        </Load>
    }
}

#[component]
fn Head(
    now: Signal<Deployment>,
    place: Place,
    back: Back,
    on_gone: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let gone = RwSignal::new(false);
    let id = now.with_untracked(|now| now.id);
    let earlier = Memo::new(move |_| now.with(|now| now.back_to));
    let delete = move || {
        pending.run(async move { client.call(DeleteDeployment { deployment: id }).await }, move |job| {
            toasts.note(job.title, None, Some("/jobs".to_owned()));
            on_gone();
        })
    };
    view! {
        <div class="flex wrap">
            {move || { let (text, tone) = now.with(|now| state(now.state)); view! { <Chip text=text tone=tone dot=true /> } }}
            <Chip text=Signal::derive(move || now.with(|now| format!("{} v{}", now.model_name, now.version_number))) tone="mono" />
            <span class="small muted">{move || now.with(|now| now.target_name.clone())}</span>
        </div>
        {move || now.with(|now| now.problem.clone()).map(|error| view! { <Problem error /> })}
        {move || now.with(|now| now.address.clone()).map(|address| view! {
            <div class="flex command"><code class="mono grow cut">{address.clone()}</code><CopyButton text=address label="Copy the address" /></div>
        })}
        <div class="flex wrap">
            <Button label=Signal::derive(move || earlier.get().map_or_else(|| "Roll back".to_owned(), |number| format!("Roll back to v{number}")))
                mark=icon::UNDO_2 disabled=Signal::derive(move || back.is_blocked() || earlier.get().is_none())
                tip=Signal::derive(move || match earlier.get() {
                    None => "There is no earlier version".to_owned(),
                    Some(_) => "The version of now stays registered; other rollouts to go back to stand below".to_owned(),
                })
                on_press=move || back.go(None) />
            <a class="btn" href=move || place.link(&format!("monitor/{id}"))>"Watch"</a>
            <Scale now />
            <span class="right"><Button label="Delete…" kind="quiet danger" on_press=move || gone.set(true) /></span>
        </div>
        <Confirm open=gone title="Delete this deployment?" text="It stops answering. What was watched of it (windows, alerts, its request log) goes for good; the model and its packages stay. For a day Undo, or Restore on this page, deploys it again as it was." verb="Delete" on_confirm=delete />
    }
}

#[component]
fn Scale(now: Signal<Deployment>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let id = now.with_untracked(|now| now.id);
    let replicas = RwSignal::new(now.with_untracked(|now| now.spec.replicas.to_string()));
    let wanted =
        move || replicas.get().trim().parse::<u32>().ok().filter(|count| *count != now.with(|now| now.spec.replicas));
    let scale = move || {
        if let Some(replicas) = untrack(wanted) {
            pending.run(async move { client.call(ScaleDeployment { deployment: id, replicas }).await }, move |job| {
                toasts.done(job.title)
            });
        }
    };
    view! {
        <Show when=move || now.with(|now| now.spec.registry.is_some())>
            <span class="flex"><TextField value=replicas kind="number" name="Replicas" class="mono tiny" /><Button label="Scale" disabled=Signal::derive(move || pending.busy.get() || wanted().is_none()) on_press=scale /></span>
        </Show>
    }
}

#[component]
fn Instances(now: Signal<Deployment>) -> impl IntoView {
    view! {
        <div class="flex">
            <h3 class="grow">"Instances"</h3>
            <Show when=move || now.with(|now| !now.instances.is_empty())>
                <TakeTable of=("instance", "instances") table=move |form| now.with_untracked(|now| instances_as_text(&now.instances, form)) />
            </Show>
        </div>
        <div class="card list">
            {move || now.with(|now| now.instances.clone()).into_iter().map(|instance| {
                let tone = if instance.ready { "good" } else { "warn" };
                view! {
                    <div>
                        <i class=format!("dot {tone}")></i>
                        <div class="grow"><div class="mono cut">{instance.name}</div>{instance.reason.map(|reason| view! { <div class="small warn">{prose(&words::capital(&reason))}</div> })}</div>
                        <span class="small muted">{instance.state}</span>
                        {(instance.restarts > 0).then(|| view! { <span class="small warn">{words::counted(u64::from(instance.restarts), "restart", "restarts")}</span> })}
                    </div>
                }
            }).collect_view()}
        </div>
    }
}

fn instances_as_text(all: &[Instance], form: Form) -> TextTable {
    let row = |one: &Instance| {
        [
            one.name.clone(),
            form.text(one.version_number.map(|number| format!("v{number}")).as_deref()),
            one.state.clone(),
            if one.ready { "yes" } else { "no" }.to_owned(),
            form.text(one.reason.as_deref()),
            one.restarts.to_string(),
            form.moment(one.started_ms),
        ]
    };
    let head = [
        ("Instance", false),
        ("Version", false),
        ("State", false),
        ("Ready", false),
        ("Reason", false),
        ("Restarts", true),
        ("Started", false),
    ];
    TextTable::of(head, all.iter().map(row))
}

/// What serves now is asked, with the inputs of the version that serves now.
#[component]
fn Call(now: Signal<Deployment>) -> impl IntoView {
    let version = Memo::new(move |_| now.with(|now| now.spec.version));
    let detail = query(move || Some(GetVersion { version: version.get() }));
    let id = now.with_untracked(|now| now.id);
    view! {
        <Load query=detail lines=2 let:known>
            {
                let of = Memo::new(move |_| known.with(|known| known.version.id));
                move || { let _ = of.get(); view! { <Ask id known=known.get_untracked() /> } }
            }
        </Load>
        <details class="asked">
            <summary>"The same from a terminal"</summary>
            <Request address=Signal::derive(move || now.with(|now| now.address.clone())) version=Signal::derive(move || now.with(|now| now.spec.version)) />
        </details>
    }
}

/// Inputs that are shown without asking for them: more fill the pane before the answer.
const FEW: usize = 4;

#[component]
fn Ask(id: DeploymentId, known: VersionDetail) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let answer = RwSignal::new(None::<CallAnswer>);
    let threshold = known.version.threshold;
    let positive = known.version.signature.positive().map(str::to_owned);
    let few = known.version.signature.inputs.len() <= FEW;
    let draft = RowDraft::new(&known.version.signature);
    let examples = known.examples;
    let asked = RwSignal::new(serde_json::Value::Null);
    let call = move || {
        let row = untrack(|| draft.row());
        let rows = vec![row.clone()];
        pending.run(async move { client.call(CallDeployment { deployment: id, rows }).await }, move |now| {
            asked.set(row);
            answer.set(Some(now))
        });
    };
    let wrong = Memo::new(move |_| draft.wrong());
    let is_of_before = Memo::new(move |_| answer.with(Option::is_some) && asked.get() != draft.row());
    view! {
        <div class="flex">
            <h3 class="grow">"Ask it a sample row"</h3>
            <Button label="Call it" kind="s" mark=icon::SEND disabled=Signal::derive(move || pending.busy.get() || wrong.with(Option::is_some)) on_press=call />
        </div>
        {move || wrong.get().map(|wrong| view! { <p class="small muted">{wrong}</p> })}
        {move || (wrong.with(Option::is_none) && is_of_before.get()).then(|| view! { <p class="small muted">"The answer is of the values before."</p> })}
        // Above the row, where it is seen however many inputs there are.
        {move || answer.get().map(|answer| {
            let positive = positive.clone();
            let counted = words::counted(answer.rows.len() as u64, "prediction", "predictions");
            let how = format!("{counted} in {:.1} ms · status {} · {}", answer.latency_ms, answer.status, answer.through);
            view! {
                <div class="answer" class:of-before=is_of_before role="status">
                    {answer.error.map(|error| view! { <p class="bad small">{error}</p> })}
                    {answer.rows.into_iter().map(|row| view! { <Answer row threshold positive=positive.clone() /> }).collect_view()}
                    <div class="caption faint">{how}</div>
                </div>
            }
        })}
        <details class="asked" open=few>
            <summary>"The row that is asked"</summary>
            <div class="form"><RowForm draft examples /></div>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_taken_with_why_it_is_not_ready() {
        let one = Instance {
            name: "fraud-7c".to_owned(),
            version_number: Some(2),
            ready: false,
            state: "Waiting".to_owned(),
            reason: Some("no image".to_owned()),
            restarts: 4,
            started_ms: None,
        };
        let row = ["fraud-7c", "v2", "Waiting", "no", "no image", "4", ""];
        assert_eq!(instances_as_text(&[one], Form::Csv).rows, [row]);
    }
}
