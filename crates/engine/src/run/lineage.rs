//! What came from what: from the run's data to where its versions run.

use api::run::{GetLineage, LineageNode};

use crate::{Engine, run};

pub async fn get(engine: &Engine, request: GetLineage) -> anyhow::Result<Vec<LineageNode>> {
    let row = run::find(engine, request.run).await?;
    let (snapshot, split, versions) = engine
        .store()
        .read(move |c| {
            let snapshot = row.run.snapshot.map(|id| store::snapshot::get(c, id)).transpose()?.flatten();
            let split = row.run.split.map(|id| store::split::get(c, id)).transpose()?.flatten();
            Ok((snapshot, split, store::version::of_run(c, row.run.id)?))
        })
        .await?;
    let row = run::find(engine, request.run).await?;
    let project = row.run.project.map_or_else(String::new, |project| project.to_string());
    let mut nodes: Vec<LineageNode> = Vec::new();
    let mut before = Vec::new();
    if let Some(row) = snapshot {
        let detail = format!("{} rows, {}", crate::snapshot::thousands(row.snapshot.rows), &row.snapshot.content[..12]);
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
    let commit = row.run.code.as_ref().map(|code| {
        let dirty = if code.dirty { ", with changes" } else { "" };
        format!("commit {}{dirty}", &code.commit[..code.commit.len().min(8)])
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
        link: Some(format!("/p/{project}/runs/{}", row.run.id)),
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
    Ok(nodes)
}
