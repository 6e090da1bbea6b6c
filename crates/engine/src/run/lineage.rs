//! What came from what: from the run's data to where its versions run.

use std::collections::HashMap;

use api::{
    ProjectId, RunId,
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
        .read(move |c| Ok(wanted.map(|id| store::logged_model::get(c, &id)).transpose()?.flatten()))
        .await?;
    let mut nodes: Vec<LineageNode> = logged.iter().map(|model| logged_node(model, Vec::new())).collect();
    nodes.push(version_node(name, version.clone(), None, (0..nodes.len()).collect()));
    Ok(nodes)
}

/// A node and what it came from, in their order.
fn above(nodes: Vec<LineageNode>, of: usize) -> Vec<LineageNode> {
    let mut is_above = vec![false; nodes.len()];
    let mut open = vec![of];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut is_above[at], true) {
            open.extend(&nodes[at].from);
        }
    }
    // Where each one stands among those that stay.
    let mut stays = 0;
    let places: Vec<usize> = is_above
        .iter()
        .map(|is| {
            stays += usize::from(*is);
            stays.saturating_sub(1)
        })
        .collect();
    let kept = nodes.into_iter().zip(&is_above).filter(|(_, is)| **is).map(|(node, _)| node);
    kept.map(|node| LineageNode { from: node.from.iter().map(|from| places[*from]).collect(), ..node }).collect()
}

/// A version that a client registered; its page is in the project of its run.
fn version_node(name: &str, version: ClientVersion, project: Option<ProjectId>, from: Vec<usize>) -> LineageNode {
    let page = project.map_or_else(|| "/experiments".to_owned(), |project| format!("/p/{project}/models"));
    LineageNode {
        kind: "version".to_owned(),
        id: version.id.to_string(),
        label: format!("{name} v{}", version.number),
        detail: if version.aliases.is_empty() { version.source } else { version.aliases.join(", ") },
        link: Some(format!("{page}?version={}", version.id)),
        from,
    }
}

/// What a client says that its run was given and made.
struct OfClient {
    datasets: Vec<RunInput>,
    given: Vec<LoggedModel>,
    made: Vec<LoggedModel>,
    versions: Vec<(String, ClientVersion)>,
}

impl OfClient {
    fn read(c: &store::Connection, run: RunId) -> store::Result<Self> {
        let named = store::run_input::models(c, run)?;
        let whole = |ids: Vec<String>| -> store::Result<Vec<LoggedModel>> {
            let found = ids.iter().map(|id| store::logged_model::get(c, id)).collect::<store::Result<Vec<_>>>()?;
            // What a client deleted is in no lineage.
            Ok(found.into_iter().flatten().filter(|model| model.deleted_ms.is_none()).collect())
        };
        let mut made = store::logged_model::ids_of_run(c, run)?;
        let outputs = named.iter().filter(|(_, step)| step.is_some()).map(|(id, _)| id.clone());
        made.extend(outputs);
        made.sort_unstable();
        made.dedup();
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
        nodes.extend(self.given.iter().map(|model| logged_node(model, Vec::new())));
        first..nodes.len()
    }

    /// Adds what the run made: the models that it logged, and the versions that were registered of these or of its files.
    fn after(self, run: &Run, node: usize, nodes: &mut Vec<LineageNode>) {
        let mut by_id: HashMap<String, usize> = HashMap::new();
        for model in self.made {
            by_id.insert(model.id.clone(), nodes.len());
            nodes.push(logged_node(&model, vec![node]));
        }
        for (name, version) in self.versions {
            let from = version.logged.as_ref().and_then(|logged| by_id.get(logged)).copied();
            nodes.push(version_node(&name, version, run.project, vec![from.unwrap_or(node)]));
        }
    }
}

fn logged_node(model: &LoggedModel, from: Vec<usize>) -> LineageNode {
    let status = logged::status(model.status).trim_start_matches("LOGGED_MODEL_").to_lowercase().replace('_', " ");
    LineageNode {
        kind: "logged model".to_owned(),
        id: model.id.clone(),
        label: model.name.clone(),
        detail: model.kind.iter().chain([&status]).cloned().collect::<Vec<_>>().join(", "),
        link: None,
        from,
    }
}
