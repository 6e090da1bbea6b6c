//! What came from what: from the run's data to where its versions run.

use std::collections::HashMap;

use api::{
    ProjectId, RunId, VersionId,
    figure::counted,
    run::{GetLineage, LineageNode, Run},
    tracking::{ClientVersion, LoggedModel, RunInput},
};

use crate::{Engine, run, tracking::logged};

pub async fn get(engine: &Engine, request: GetLineage) -> anyhow::Result<Vec<LineageNode>> {
    let row = run::find(engine, request.run).await?;
    let of = row.run.clone();
    let (snapshot, split, versions, of_client) = engine
        .store()
        .read(move |c| {
            let snapshot = of.snapshot.map(|id| store::snapshot::get(c, id)).transpose()?.flatten();
            let split = of.split.map(|id| store::split::get(c, id)).transpose()?.flatten();
            Ok((snapshot, split, store::version::of_run(c, of.id)?, OfClient::read(c, of.id)?))
        })
        .await?;
    let project = row.run.project.map_or_else(String::new, |project| project.to_string());
    let mut nodes: Vec<LineageNode> = Vec::new();
    let mut before = Vec::new();
    if let Some(row) = snapshot {
        let detail = format!("{}, {}", counted(row.snapshot.rows, "row", "rows"), &row.snapshot.content[..12]);
        nodes.push(LineageNode {
            kind: "snapshot".to_owned(),
            id: row.snapshot.id.to_string(),
            label: format!("Data v{}", row.snapshot.number),
            detail,
            link: Some(format!("/p/{project}/data?v={}", row.snapshot.number)),
            from: Vec::new(),
        });
        before = vec![nodes.len() - 1];
    }
    if let Some(split) = split {
        let counts = split.counts;
        let thousands = crate::snapshot::thousands;
        nodes.push(LineageNode {
            kind: "split".to_owned(),
            id: split.id.to_string(),
            label: format!("Split, {}", run::start::word(&split.config.method)),
            detail: format!(
                "{} to train, {} to validate, {} to test",
                thousands(counts.training),
                thousands(counts.validation),
                thousands(counts.test)
            ),
            link: None,
            from: before,
        });
        before = vec![nodes.len() - 1];
    }
    before.extend(of_client.before(&mut nodes));
    let commit = row.run.code.as_ref().map(|code| {
        let dirty = if code.dirty { ", with changes" } else { "" };
        // A client tags what it likes.
        format!("commit {}{dirty}", code.commit.chars().take(8).collect::<String>())
    });
    nodes.push(LineageNode {
        kind: "run".to_owned(),
        id: row.run.id.to_string(),
        label: row.run.name.clone(),
        detail: [row.model, row.run.seed.map(|seed| format!("seed {seed}")), commit]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        link: Some(row.run.page()),
        from: before,
    });
    let run_node = nodes.len() - 1;
    for version in versions {
        let version = version.version;
        nodes.push(LineageNode {
            kind: "version".to_owned(),
            id: version.id.to_string(),
            label: format!("{} v{}", version.model_name, version.number),
            detail: version.aliases.join(", "),
            link: Some(format!("/p/{project}/models/{}", version.id)),
            from: vec![run_node],
        });
        let node = nodes.len() - 1;
        crate::model::downstream(engine, version.project, &version, node, &mut nodes).await?;
    }
    of_client.after(&row.run, run_node, &mut nodes);
    Ok(nodes)
}

/// What a version that a client registered came from, and itself.
pub(crate) async fn of_client_version(
    engine: &Engine,
    name: &str,
    version: &ClientVersion,
) -> anyhow::Result<Vec<LineageNode>> {
    let id = version.id.to_string();
    if let Some(run) = version.run {
        let nodes = get(engine, GetLineage { run }).await?;
        if let Some(at) = nodes.iter().position(|node| node.kind == "version" && node.id == id) {
            return Ok(above(nodes, at));
        }
    }
    let wanted = version.logged.clone();
    let logged = engine
        .store()
        .read(move |c| {
            let model = wanted.map(|id| store::logged_model::get(c, &id)).transpose()?.flatten();
            model.map(|model| Ok((page_of(c, &model)?, model))).transpose()
        })
        .await?;
    let mut nodes: Vec<LineageNode> =
        logged.iter().map(|(page, model)| logged_node(model, page.clone(), Vec::new())).collect();
    nodes.push(version_node(name, version.clone(), None, (0..nodes.len()).collect()));
    Ok(nodes)
}

/// What a model that a client logged came from, itself, and what was registered from it.
pub(crate) async fn of_logged(engine: &Engine, model: &LoggedModel) -> anyhow::Result<Vec<LineageNode>> {
    if let Some(run) = model.run {
        let nodes = get(engine, GetLineage { run }).await?;
        if let Some(at) = nodes.iter().position(|node| node.kind == LOGGED && node.id == model.id) {
            let mut is_kept = is_above(&nodes, at);
            // What came of it stands behind it.
            let mut is_below = vec![false; nodes.len()];
            is_below[at] = true;
            for (index, node) in nodes.iter().enumerate().skip(at + 1) {
                is_below[index] = node.from.iter().any(|from| is_below[*from]);
                is_kept[index] |= is_below[index];
            }
            return Ok(kept(nodes, &is_kept));
        }
    }
    let id = model.id.clone();
    let versions = engine.store().read(move |c| store::client_version::of_logged(c, &id)).await?;
    let mut nodes = vec![logged_node(model, None, Vec::new())];
    nodes.extend(versions.into_iter().map(|(name, version)| version_node(&name, version, None, vec![0])));
    Ok(nodes)
}

/// A node and what it came from, in their order.
fn above(nodes: Vec<LineageNode>, of: usize) -> Vec<LineageNode> {
    let is_above = is_above(&nodes, of);
    kept(nodes, &is_above)
}

fn is_above(nodes: &[LineageNode], of: usize) -> Vec<bool> {
    let mut is_above = vec![false; nodes.len()];
    let mut open = vec![of];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut is_above[at], true) {
            open.extend(&nodes[at].from);
        }
    }
    is_above
}

/// Some of the nodes, in their order; what they came from is among them.
fn kept(nodes: Vec<LineageNode>, is_kept: &[bool]) -> Vec<LineageNode> {
    // Where each one stands among those that stay.
    let mut stays = 0;
    let places: Vec<usize> = is_kept
        .iter()
        .map(|is| {
            stays += usize::from(*is);
            stays.saturating_sub(1)
        })
        .collect();
    let from = |node: &LineageNode| node.from.iter().filter(|from| is_kept[**from]).map(|from| places[*from]).collect();
    let kept = nodes.into_iter().zip(is_kept).filter(|(_, is)| **is).map(|(node, _)| node);
    kept.map(|node| LineageNode { from: from(&node), ..node }).collect()
}

/// A version that a client registered; its page is in the project of its run.
fn version_node(name: &str, version: ClientVersion, project: Option<ProjectId>, from: Vec<usize>) -> LineageNode {
    let page = version_page(version.id, project);
    LineageNode {
        kind: "version".to_owned(),
        id: version.id.to_string(),
        label: format!("{name} v{}", version.number),
        detail: if version.aliases.is_empty() { version.source } else { version.aliases.join(", ") },
        link: Some(page),
        from,
    }
}

/// The address of the page of a version that a client registered.
pub(crate) fn version_page(version: VersionId, project: Option<ProjectId>) -> String {
    let page = project.map_or_else(|| "/experiments".to_owned(), |project| format!("/p/{project}/models"));
    format!("{page}?version={version}")
}

/// The address of a logged model, which stands on the page of its run; one that no run made on a page of its own.
fn page_of(c: &store::Connection, model: &LoggedModel) -> store::Result<Option<String>> {
    let Some(run) = model.run else { return Ok(Some(format!("/experiments?logged={}", model.id))) };
    let row = store::run::bare(c, run)?;
    Ok(row.map(|row| format!("{}?tab=models&model={}", row.run.page(), model.id)))
}

/// The models that a run made: those that name it, and those that it names as its outputs among `named`.
pub(crate) fn made_by(
    c: &store::Connection,
    run: RunId,
    named: &[(String, Option<i64>)],
) -> store::Result<Vec<String>> {
    let mut made = store::logged_model::ids_of_run(c, run)?;
    made.extend(named.iter().filter(|(_, step)| step.is_some()).map(|(id, _)| id.clone()));
    made.sort_unstable();
    made.dedup();
    Ok(made)
}

/// A logged model, and where it is shown.
type Logged = (LoggedModel, Option<String>);

/// What a client says that its run was given and made.
struct OfClient {
    datasets: Vec<RunInput>,
    given: Vec<Logged>,
    made: Vec<Logged>,
    versions: Vec<(String, ClientVersion)>,
}

impl OfClient {
    fn read(c: &store::Connection, run: RunId) -> store::Result<Self> {
        let named = store::run_input::models(c, run)?;
        let whole = |ids: Vec<String>| -> store::Result<Vec<Logged>> {
            let found = ids.iter().map(|id| store::logged_model::get(c, id)).collect::<store::Result<Vec<_>>>()?;
            // What a client deleted is in no lineage.
            let found = found.into_iter().flatten().filter(|model| model.deleted_ms.is_none());
            found
                .map(|model| {
                    let page = page_of(c, &model)?;
                    Ok((model, page))
                })
                .collect()
        };
        let made = made_by(c, run, &named)?;
        Ok(Self {
            datasets: store::run_input::of_run(c, run)?,
            given: whole(named.into_iter().filter(|(_, step)| step.is_none()).map(|(id, _)| id).collect())?,
            made: whole(made)?,
            versions: store::client_version::of_run(c, run)?,
        })
    }

    /// Adds what the run was given, and says where that stands.
    fn before(&self, nodes: &mut Vec<LineageNode>) -> std::ops::Range<usize> {
        let first = nodes.len();
        nodes.extend(self.datasets.iter().map(|input| LineageNode {
            kind: "dataset".to_owned(),
            id: input.dataset.digest.clone(),
            label: input.dataset.name.clone(),
            detail: input.context().map_or_else(String::new, |context| format!("{context}, ")) + &input.dataset.digest,
            link: None,
            from: Vec::new(),
        }));
        nodes.extend(self.given.iter().map(|(model, page)| logged_node(model, page.clone(), Vec::new())));
        first..nodes.len()
    }

    /// Adds what the run made: the models that it logged, and the versions that were registered of these or of its files.
    fn after(self, run: &Run, node: usize, nodes: &mut Vec<LineageNode>) {
        let mut by_id: HashMap<String, usize> = HashMap::new();
        for (model, page) in self.made {
            by_id.insert(model.id.clone(), nodes.len());
            nodes.push(logged_node(&model, page, vec![node]));
        }
        for (name, version) in self.versions {
            let from = version.logged.as_ref().and_then(|logged| by_id.get(logged)).copied();
            nodes.push(version_node(&name, version, run.project, vec![from.unwrap_or(node)]));
        }
    }
}

/// The kind of a node of a logged model.
const LOGGED: &str = "logged model";

fn logged_node(model: &LoggedModel, link: Option<String>, from: Vec<usize>) -> LineageNode {
    let status = logged::status(model.status).trim_start_matches("LOGGED_MODEL_").to_lowercase().replace('_', " ");
    LineageNode {
        kind: LOGGED.to_owned(),
        id: model.id.clone(),
        label: model.name.clone(),
        detail: model.kind.iter().chain([&status]).cloned().collect::<Vec<_>>().join(", "),
        link,
        from,
    }
}
