//! Models that MLflow's clients logged, wherever they are listed, and one of them with all that is known of it.

use api::{
    id::RunId,
    logged::{FiguresByDataset, ListLogged, LoggedBy, LoggedDetail, LoggedList, LoggedVersion, MeasuredFigure},
    tracking::{LoggedModel, LoggedStatus},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::{
    button::{Button, CopyButton},
    card::{Card, Chip},
    client_version::{Signature, flavor},
    files::Files,
    icon,
    lineage::Lineage,
    logged_acts::{LoggedActs, LoggedButtons, RegisterDialog, Standing},
    menu::{Item, MenuButton, Menus},
    row_keys::{is_meant_for_row, move_among_rows, opens_row},
    states::Problem,
    take_table::{Form, TakeTable, TextTable},
    when::Ago,
    words,
};
use crate::client::query::query;

/// A list of them, each a link.
#[component]
pub(crate) fn LoggedTable(
    list: Signal<LoggedList>,
    /// The address of each, by its id.
    to: Callback<String, Signal<String>>,
    /// What the list is of, where that is not plain.
    #[prop(into, optional)]
    of: String,
    /// The one that is shown.
    #[prop(into, optional)]
    chosen: Signal<Option<String>>,
) -> impl IntoView {
    let left_out = move || list.with(|list| list.total.saturating_sub(list.models.len() as u64));
    let count = Signal::derive(move || {
        words::counted(list.with(|list| list.total), "logged model", "logged models") + of.as_str()
    });
    let taken = ViewFn::from(move || {
        view! { <TakeTable of=("logged model", "logged models") table=move |form| list.with_untracked(|list| as_text(&list.models, form)) /> }
    });
    let (acts, menus) = (LoggedActs::new(), Menus::get());
    let navigate = StoredValue::new_local(use_navigate());
    let go = move |page: &str| navigate.with_value(|navigate| navigate(page, Default::default()));
    view! {
        <Card title=count class="h" flush=true extra=taken>
            <div class="scrolls">
                <table class="small-table opens" on:keydown=move_among_rows>
                    <thead><tr><th>"Name"</th><th>"Type"</th><th>"Status"</th><th class="num">"Parameters"</th><th class="num">"Logged"</th><th></th></tr></thead>
                    <tbody>
                        <For each=move || list.get().models key=|model| (model.id.clone(), model.updated_ms) let:model>
                            {
                                let id = model.id.clone();
                                let is_on = Memo::new(move |_| chosen.with(|chosen| chosen.as_ref() == Some(&id)));
                                let to = to.run(model.id.clone());
                                let open = move || go(&to.get_untracked());
                                let (id, name) = (model.id.clone(), model.name.clone());
                                let items = move || {
                                    let mut items = vec![Item::new("Open", icon::ARROW_RIGHT, open)];
                                    items.extend(acts.items(&id, &name));
                                    items
                                };
                                let by_right = items.clone();
                                view! {
                                    <tr
                                        class:on=is_on
                                        tabindex="0"
                                        on:click=move |event| if is_meant_for_row(&event) { open() }
                                        on:contextmenu=move |event| menus.open_at(&event, by_right())
                                        on:keydown=move |event| if opens_row(&event) { open() }
                                    >
                                        <td><a class="link" tabindex="-1" href=to aria-current=move || is_on.get().then_some("true")>{model.name.clone()}</a></td>
                                        <td class="muted">{model.kind.clone().unwrap_or_else(|| "–".to_owned())}</td>
                                        <td><Status status=model.status /></td>
                                        <td class="num">{model.params.len()}</td>
                                        <td class="num faint"><Ago ms=model.created_ms /></td>
                                        <td class="end"><MenuButton items label=format!("What can be done with {}", model.name) /></td>
                                    </tr>
                                }
                            }
                        </For>
                    </tbody>
                </table>
            </div>
            {move || (left_out() > 0).then(|| view! { <p class="muted small padded">{format!("{} left out.", words::counted(left_out(), "older one is", "older ones are"))}</p> })}
            <RegisterDialog acts />
        </Card>
    }
}

/// Those that were deleted, each with its way back.
#[component]
pub(crate) fn DeletedLogged(of: Signal<LoggedBy>) -> impl IntoView {
    let acts = LoggedActs::new();
    let all = query(move || Some(ListLogged { of: of.get(), deleted: true }));
    let list = Memo::new(move |_| all.value.with(|all| all.as_ref().map(|all| all.models.clone()).unwrap_or_default()));
    let row = move |model: LoggedModel| {
        let id = model.id.clone();
        view! {
            <tr>
                <td>{model.name}</td>
                <td class="num faint"><Ago ms=model.deleted_ms.unwrap_or(model.updated_ms) /></td>
                <td class="end"><Button label="Restore" mark=icon::UNDO_2 kind="quiet s" disabled=acts.pending.busy on_press=move || acts.restore(id.clone()) /></td>
            </tr>
        }
    };
    let taken = ViewFn::from(move || {
        view! { <TakeTable of=("deleted model", "deleted models") table=move |form| list.with_untracked(|list| deleted_as_text(list, form)) /> }
    });
    view! {
        <Card title="Deleted models" class="h" flush=true extra=taken>
            <table class="small-table">
                <thead><tr><th>"Name"</th><th class="num">"Deleted"</th><th></th></tr></thead>
                <tbody>{move || list.get().into_iter().map(row).collect_view()}</tbody>
            </table>
            <p class="muted small padded">"They go for good, with their files, with the first cleaning a day after they were deleted."</p>
        </Card>
    }
}

fn deleted_as_text(models: &[LoggedModel], form: Form) -> TextTable {
    let row = |model: &LoggedModel| {
        let deleted_ms = model.deleted_ms.unwrap_or(model.updated_ms);
        [model.name.clone(), model.id.clone(), form.moment(Some(deleted_ms))]
    };
    TextTable::of([("Name", false), ("Id", false), ("Deleted", false)], models.iter().map(row))
}

fn as_text(models: &[LoggedModel], form: Form) -> TextTable {
    let row = |model: &LoggedModel| {
        [
            model.name.clone(),
            model.id.clone(),
            form.text(model.kind.as_deref()),
            status(model.status).0.to_owned(),
            form.moment(Some(model.created_ms)),
        ]
    };
    let head = [("Name", false), ("Id", false), ("Type", false), ("Status", false), ("Logged", false)];
    TextTable::of(head, models.iter().map(row))
}

const fn status(status: LoggedStatus) -> (&'static str, &'static str) {
    match status {
        LoggedStatus::Pending => ("being written", "info"),
        LoggedStatus::Ready => ("ready", "good"),
        LoggedStatus::Failed => ("upload failed", "bad"),
    }
}

#[component]
fn Status(status: LoggedStatus) -> impl IntoView {
    let (text, tone) = self::status(status);
    view! { <Chip text tone /> }
}

/// One of them with all that is known of it.
#[component]
pub(crate) fn LoggedCards(
    detail: Signal<LoggedDetail>,
    /// The run whose page it stands on.
    here: Signal<Option<RunId>>,
) -> impl IntoView {
    let acts = LoggedActs::new();
    let standing = Memo::new(move |_| detail.with(Standing::of));
    let unreadable = Memo::new(move |_| detail.with(|detail| detail.unreadable.clone()));
    let described = Memo::new(move |_| detail.with(|detail| detail.described.clone()));
    let versions = Memo::new(move |_| detail.with(|detail| detail.versions.clone()));
    let registered = ViewFn::from(move || {
        move || {
            (!versions.with(Vec::is_empty)).then(|| {
                view! { <TakeTable of=("version", "versions") table=move |form| versions.with_untracked(|all| versions_as_text(all, form)) /> }
            })
        }
    });
    let figures = Memo::new(move |_| detail.with(|detail| FiguresByDataset::of(&detail.model)));
    let texts =
        |of: fn(&LoggedModel) -> Vec<(String, String)>| Memo::new(move |_| detail.with(|detail| of(&detail.model)));
    let params = texts(|model| model.params.clone().into_iter().collect());
    let tags = texts(|model| model.tags.clone().into_iter().collect());
    let id = Memo::new(move |_| detail.with(|detail| detail.model.id.clone()));
    let files = Signal::derive(move || detail.with(|detail| detail.files.clone()));
    let no_files = Memo::new(move |_| detail.with(|detail| detail.files.is_empty()));
    view! {
        {move || unreadable.get().map(|why| view! { <div class="notices"><Problem error=api::ApiError::invalid(why) /></div> })}
        <div class="watch">
            <div class="stack">
                <Measured figures />
                {move || described.get().map(|described| view! { <Signature described /> })}
                // What was opened and searched stays so while more becomes of the model.
                {move || {
                    let from = format!("/api/blob/logged/{}", id.get());
                    match no_files.get() {
                        true => view! { <Card title="Files" class="h"><p class="small muted">"No files were logged with it."</p></Card> }.into_any(),
                        false => view! { <Files from files /> }.into_any(),
                    }
                }}
                <section aria-label="Lineage">
                    <h2>"Lineage"</h2>
                    <Lineage nodes=Signal::derive(move || detail.with(|detail| detail.lineage.clone())) />
                </section>
            </div>
            <div class="stack">
                <About detail here standing acts />
                <Card title="Registered from it" class="h" flush=true extra=registered>
                    {move || match versions.get() {
                        none if none.is_empty() => view! { <p class="muted small padded">"No version was registered from it."</p> }.into_any(),
                        versions => view! {
                            <table class="small-table"><tbody>{versions.into_iter().map(|version| view! { <VersionLine version /> }).collect_view()}</tbody></table>
                        }.into_any(),
                    }}
                </Card>
                <Pairs title="Parameters" of=params none="No parameters were logged with it." />
                {move || (!tags.with(Vec::is_empty)).then(|| view! { <Pairs title="Tags" of=tags none="" /> })}
            </div>
        </div>
        <RegisterDialog acts />
    }
}

fn versions_as_text(versions: &[LoggedVersion], form: Form) -> TextTable {
    let row = |version: &LoggedVersion| {
        let aliases = Some(version.aliases.join(", ")).filter(|aliases| !aliases.is_empty());
        [format!("{} v{}", version.name, version.number), form.text(aliases.as_deref())]
    };
    TextTable::of([("Version", false), ("Aliases", false)], versions.iter().map(row))
}

#[component]
fn VersionLine(version: LoggedVersion) -> impl IntoView {
    let aliases = version.aliases.into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> });
    view! {
        <tr>
            <td><a class="link" href=version.page>{format!("{} v{}", version.name, version.number)}</a></td>
            <td><span class="flex wrap">{aliases.collect_view()}</span></td>
        </tr>
    }
}

#[component]
fn Pairs(title: &'static str, of: Memo<Vec<(String, String)>>, none: &'static str) -> impl IntoView {
    let row = |(key, value): (String, String)| {
        view! { <tr><td class="muted">{key}</td><td class="num"><span class="cut" title=value.clone()>{value.clone()}</span></td></tr> }
    };
    let take = ViewFn::from(move || {
        move || {
            (!of.with(Vec::is_empty)).then(|| {
                let table = move |_| {
                    let rows = of.get_untracked().into_iter().map(|(key, value)| [key, value]);
                    TextTable::of([("Name", false), ("Value", false)], rows)
                };
                view! { <TakeTable of=("row", "rows") table /> }
            })
        }
    });
    view! {
        <Card title class="h" flush=true extra=take>
            {move || match of.get() {
                pairs if pairs.is_empty() => view! { <p class="muted small padded">{none}</p> }.into_any(),
                pairs => view! { <table class="small-table values"><tbody>{pairs.into_iter().map(row).collect_view()}</tbody></table> }.into_any(),
            }}
        </Card>
    }
}

#[component]
fn About(
    detail: Signal<LoggedDetail>,
    here: Signal<Option<RunId>>,
    standing: Memo<Standing>,
    acts: LoggedActs,
) -> impl IntoView {
    let buttons = ViewFn::from(move || view! { <LoggedButtons of=standing acts /> });
    view! {
        <Card title=Signal::derive(move || detail.with(|detail| detail.model.name.clone())) class="h" extra=buttons>
            {move || {
                let LoggedDetail { model, run: made_by, experiment_name, described, .. } = detail.get();
                let flavors: Vec<String> = described.iter().flat_map(|described| &described.flavors).map(flavor).collect();
                // On the page of the run that made it, it says that.
                let is_here = model.run.is_some() && model.run == here.get();
                view! {
                    <dl class="pairs">
                        <dt>"Status"</dt><dd><Status status=model.status /></dd>
                        {model.status_message.map(|why| view! { <dt>"Why"</dt><dd>{why}</dd> })}
                        {model.deleted_ms.map(|ms| view! { <dt>"Deleted"</dt><dd><Ago ms=ms /></dd> })}
                        <dt>"Type"</dt><dd>{model.kind.unwrap_or_else(|| "–".to_owned())}</dd>
                        {(!flavors.is_empty()).then(|| view! { <dt>"Formats"</dt><dd>{flavors.join(", ")}</dd> })}
                        <dt>"Made by"</dt>
                        <dd>{match made_by {
                            _ if is_here => view! { <span class="muted">"this run"</span> }.into_any(),
                            Some((name, page)) => view! { <a class="link" href=page>{name}</a> }.into_any(),
                            None => view! { <span class="faint">"no run"</span> }.into_any(),
                        }}</dd>
                        <dt>"Experiment"</dt><dd>{experiment_name}</dd>
                        <dt>"Logged"</dt><dd><Ago ms=model.created_ms /></dd>
                        <dt>"Id"</dt>
                        <dd class="flex"><span class="mono cut" title=model.id.clone()>{model.id.clone()}</span><CopyButton text=model.id label="Copy the logged model's id" /></dd>
                    </dl>
                }
            }}
        </Card>
    }
}

/// What it was measured at: a row a figure, a column a dataset.
#[component]
fn Measured(figures: Memo<FiguresByDataset>) -> impl IntoView {
    let taken = ViewFn::from(move || {
        view! { <TakeTable of=("metric", "metrics") table=move |form| figures.with_untracked(|figures| figures_as_text(figures, form)) /> }
    });
    view! {
        <Card title="Metrics by dataset" class="h" flush=true extra=taken>
            {move || {
                let FiguresByDataset { datasets, rows } = figures.get();
                if rows.is_empty() {
                    return view! { <p class="muted small padded">"Nothing was measured of it: mlflow.log_metric(…, model_id=…) does, and mlflow.evaluate."</p> }.into_any();
                }
                // Its step is said beside each: the run's own figures may have gone on since.
                let is_alone = datasets.len() == 1;
                let head = datasets.into_iter().map(|dataset| match dataset {
                    Some((name, digest)) => view! { <th class="num" scope="col" title=digest>{name}</th> }.into_any(),
                    None => view! { <th class="num faint" scope="col" title="Logged without naming a dataset">{of_none(is_alone)}</th> }.into_any(),
                });
                let row = |(key, values): (String, Vec<Option<MeasuredFigure>>)| {
                    let cells = values.into_iter().map(|figure| match figure {
                        Some(MeasuredFigure { value, step }) => view! {
                            <td class="num">{words::figure(value)}" "<span class="faint caption">"step "{words::step(step as f64)}</span></td>
                        }
                        .into_any(),
                        None => view! { <td class="num">"–"</td> }.into_any(),
                    });
                    view! { <tr><td>{words::key(&key)}</td>{cells.collect_view()}</tr> }
                };
                view! {
                    <div class="scrolls">
                        <table class="small-table">
                            <thead><tr><th scope="col">"Metric"</th>{head.collect_view()}</tr></thead>
                            <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
                        </table>
                    </div>
                }
                .into_any()
            }}
        </Card>
    }
}

/// The column of what was measured on no dataset.
const fn of_none(is_alone: bool) -> &'static str {
    if is_alone { "Value" } else { "No dataset named" }
}

fn figures_as_text(figures: &FiguresByDataset, form: Form) -> TextTable {
    let named = |dataset: &Option<(String, String)>| match dataset {
        Some((name, digest)) if !digest.is_empty() => (format!("{name} ({digest})"), true),
        Some((name, _)) => (name.clone(), true),
        None => (of_none(figures.datasets.len() == 1).to_owned(), true),
    };
    let head = std::iter::once(("Metric".to_owned(), false)).chain(figures.datasets.iter().map(named));
    let row = |(key, values): &(String, Vec<Option<MeasuredFigure>>)| {
        let value = |figure: &Option<MeasuredFigure>| form.number(figure.map(|figure| figure.value));
        std::iter::once(key.clone()).chain(values.iter().map(value)).collect()
    };
    TextTable { head: head.collect(), rows: figures.rows.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use api::id::VersionId;

    use super::*;

    #[test]
    fn what_was_registered_from_a_model_is_taken_with_its_aliases() {
        let version = |number: u8, aliases: &[&str]| LoggedVersion {
            id: VersionId::from_bytes([number; 16]),
            name: "churn".to_owned(),
            number: number.into(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            page: String::new(),
        };
        let csv = versions_as_text(&[version(2, &["champion", "live"]), version(1, &[])], Form::Csv);
        assert_eq!(csv.rows, [["churn v2", "champion, live"], ["churn v1", ""]]);
    }

    #[test]
    fn figures_are_taken_with_their_datasets() {
        let figures = FiguresByDataset {
            datasets: vec![None, Some(("test".to_owned(), "d1".to_owned()))],
            rows: vec![("f1".to_owned(), vec![None, Some(MeasuredFigure { value: 0.9, step: 3 })])],
        };
        let csv = figures_as_text(&figures, Form::Csv);
        let titles: Vec<&str> = csv.head.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(
            (titles, &csv.rows[0]),
            (vec!["Metric", "No dataset named", "test (d1)"], &["f1", "", "0.9"].map(str::to_owned).to_vec())
        );
    }
}
