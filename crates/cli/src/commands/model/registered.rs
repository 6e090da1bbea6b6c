//! What is said of a model and its versions beside their figures, whoever registered them: tags, stage, description, files.

use std::{collections::BTreeMap, path::PathBuf};

use api::{
    ApiError,
    figure::counted,
    model::{GetVersion, Model, SetAlias, Version},
    registered::{
        ClientColumn, ClientVersionDetail, DeletedModel, DescribeModel, Described, GetClientVersion, NamedVersion,
        RestoreModel, RestoreVersion, SaveVersionFile, SetStage, TagModel,
    },
    run::LineageNode,
    tracking::{ClientVersion, Stage},
};

use crate::{
    context::{Context, Outcome, absolute, beside},
    output::{self, pairs, table},
    words,
};

/// "churn:3".
pub(super) fn title(version: &NamedVersion) -> String {
    format!("{}:{}", version.name, version.number)
}

/// What a tag or a description is of: a name alone is the model.
async fn described(context: &Context, named: &str) -> Outcome<(Described, String)> {
    match context.model(named).await {
        Ok(model) => Ok((Described::Model(model.id), model.name)),
        Err(of_model) if of_model.code == api::ErrorCode::NotFound => {
            let version = context.any_version(named).await?;
            Ok((Described::Version(version.version), title(&version)))
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn tag(context: &Context, named: &str, tags: &[String]) -> Outcome {
    let tags = tags.iter().map(|pair| crate::commands::run::tag(pair)).collect::<Outcome<Vec<_>>>()?;
    let (of, name) = described(context, named).await?;
    for (key, value) in &tags {
        context.call(TagModel { of, key: key.clone(), value: value.clone() }).await?;
    }
    let told: BTreeMap<String, Option<String>> = tags.into_iter().collect();
    context.output.show(&told, |told| {
        let line = |(key, value): (&String, &Option<String>)| match value {
            Some(value) => format!("{name} has the tag {key}={value}."),
            None => format!("{name} has no tag {key} any more."),
        };
        told.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

pub(super) async fn describe(context: &Context, named: &str, notes: String) -> Outcome {
    let (of, name) = described(context, named).await?;
    let is_none = notes.trim().is_empty();
    context.call(DescribeModel { of, notes: notes.clone() }).await?;
    context.output.show(&notes, |_| match is_none {
        true => format!("{name} has no description any more."),
        false => format!("{name} is described."),
    })
}

pub(super) async fn stage(context: &Context, named: &str, stage: Stage, archive: bool) -> Outcome {
    let version = context.any_version(named).await?;
    let moved = context.call(SetStage { version: version.version, stage, archive }).await?;
    context.output.show(&moved, |moved| {
        let others = moved.iter().filter(|one| one.version != version.version).count();
        let archived = match others {
            0 => String::new(),
            many => format!("; {} archived", counted(many as u64, "other version is", "other versions are")),
        };
        match stage {
            Stage::None => format!("{} stands in no stage{archived}.", title(&version)),
            stage => format!("{} stands in {}{archived}.", title(&version), words::word(&stage)),
        }
    })
}

/// Brings back a version or a model, with `whole` only a model.
pub(super) async fn restore(context: &Context, named: &str, whole: bool) -> Outcome {
    let gone = context.deleted_model(named, whole).await?;
    match gone.version {
        None => {
            let model = context.call(RestoreModel { model: gone.model }).await?;
            context.output.show(&model, |model| format!("{} is back.", model.name))
        }
        Some((version, _)) => {
            let version = context.call(RestoreVersion { version }).await?;
            context.output.show(&version, |version| format!("{} is back.", title(version)))
        }
    }
}

/// What can be brought back.
pub(super) fn deleted(all: &[DeletedModel]) -> String {
    let row = |gone: &DeletedModel| {
        let id = gone.version.map_or_else(|| gone.model.to_string(), |(version, _)| version.to_string());
        let what = match gone.version {
            Some(_) => "version".to_owned(),
            None => format!("model, {}", counted(gone.versions, "version", "versions")),
        };
        vec![gone.title(), what, words::time(gone.deleted_ms), words::bytes(gone.frees_bytes), id]
    };
    table(&["name", "what", "deleted", ">frees", "id"], all.iter().map(row))
}

/// The same for programs.
pub(super) fn deleted_written(all: &[DeletedModel]) -> String {
    let row = |gone: &DeletedModel| {
        let id = gone.version.map_or_else(|| gone.model.to_string(), |(version, _)| version.to_string());
        let what = if gone.version.is_some() { "version" } else { "model" }.to_owned();
        let (deleted, frees) = (words::exact_time(gone.deleted_ms), gone.frees_bytes.to_string());
        vec![gone.title(), what, gone.versions.to_string(), deleted, frees, id]
    };
    output::csv(&["name", "what", "versions", "deleted", "frees_bytes", "id"], all.iter().map(row))
}

/// Models for programs: a row a version, and one of a model that has none.
pub(super) fn written(models: &[Model]) -> String {
    let line = |model: &Model, kind: &str, rest: [String; 10]| {
        [model.name.clone(), kind.to_owned()].into_iter().chain(rest).collect::<Vec<_>>()
    };
    let ours = |model: &Model, version: &Version| {
        let figure = version.primary.as_ref();
        let rest = [
            version.number.to_string(),
            version.aliases.join(" "),
            String::new(),
            figure.map(|figure| figure.name.clone()).unwrap_or_default(),
            figure.map(|figure| words::digits(figure.value)).unwrap_or_default(),
            version.run.to_string(),
            version.size_bytes.to_string(),
            words::exact_time(version.created_ms),
            String::new(),
            version.id.to_string(),
        ];
        line(model, &words::word(&version.kind), rest)
    };
    let clients = |model: &Model, version: &ClientVersion| {
        let stage = if version.stage == Stage::None { String::new() } else { words::word(&version.stage) };
        let rest = [
            version.number.to_string(),
            version.aliases.join(" "),
            stage,
            String::new(),
            String::new(),
            version.run.map(|run| run.to_string()).unwrap_or_default(),
            String::new(),
            words::exact_time(version.created_ms),
            version.source.clone(),
            version.id.to_string(),
        ];
        line(model, if model.is_prompt() { "prompt" } else { "client's" }, rest)
    };
    let bare = |model: &Model| {
        let mut rest: [String; 10] = std::array::from_fn(|_| String::new());
        rest[7] = words::exact_time(model.created_ms);
        rest[9] = model.id.to_string();
        line(model, if model.is_prompt() { "prompt" } else { "client's" }, rest)
    };
    let rows = models.iter().flat_map(|model| {
        let own = model.versions.iter().map(|version| ours(model, version));
        let others = model.client_versions.iter().map(|version| clients(model, version));
        let rows: Vec<Vec<String>> = own.chain(others).collect();
        if rows.is_empty() { vec![bare(model)] } else { rows }
    });
    let head = [
        "model",
        "kind",
        "version",
        "aliases",
        "stage",
        "metric",
        "value",
        "run",
        "size_bytes",
        "registered",
        "files",
        "id",
    ];
    output::csv(&head, rows)
}

/// A version by its number among a model's, or by a name or an id.
async fn among(context: &Context, model: &Model, named: &str) -> Outcome<api::VersionId> {
    let number = named.trim_start_matches('v');
    let ours = model.versions.iter().map(|version| (version.number, version.id));
    let clients = model.client_versions.iter().map(|version| (version.number, version.id));
    match ours.chain(clients).find(|(known, _)| known.to_string() == number) {
        Some((_, id)) => Ok(id),
        None => Ok(context.any_version(named).await?.version),
    }
}

pub(super) async fn alias(context: &Context, model: &str, alias: String, version: Option<String>) -> Outcome {
    let model = context.model(model).await?;
    let ours = model.versions.iter().map(|version| &version.aliases);
    let had_it =
        ours.chain(model.client_versions.iter().map(|version| &version.aliases)).flatten().any(|own| *own == alias);
    if version.is_none() && !had_it {
        return Err(ApiError::not_found(format!("{} has no alias \"{alias}\".", model.name))
            .with_hint("See `slipway model list`."));
    }
    let version = match &version {
        Some(named) => Some(among(context, &model, named).await?),
        None => None,
    };
    let model = context.call(SetAlias { model: model.id, alias: alias.clone(), version }).await?;
    let ours = model.versions.iter().map(|version| (version.id, version.number));
    let clients = model.client_versions.iter().map(|version| (version.id, version.number));
    let stands = ours.chain(clients).find(|(id, _)| Some(*id) == version).map(|(_, number)| number);
    context.output.show(&model, |model| match stands {
        Some(number) => format!("{0}@{alias} is {0}:{number}.", model.name),
        None => format!("{} has no alias {alias} any more.", model.name),
    })
}

pub(super) async fn files(context: &mut Context, named: &str, save: Option<String>, to: Option<PathBuf>) -> Outcome {
    let version = context.any_version(named).await?;
    if let Some(path) = save {
        if !version.of_client {
            let why = format!("{} was trained here: its files are saved as its package.", title(&version));
            return Err(ApiError::invalid(why).with_hint("Write it with `slipway registry export`."));
        }
        context.lasting().await?;
        let to = absolute(&beside(&path, to))?;
        let saved = context.call(SaveVersionFile { version: version.version, path, to }).await?;
        return context
            .output
            .show(&saved, |saved| format!("{} is written ({}).", saved.path, words::bytes(saved.size_bytes)));
    }
    if !version.of_client {
        let files = context.call(GetVersion { version: version.version }).await?.files;
        return context.output.show(&files, |files| {
            table(&["file", ">size"], files.iter().map(|file| vec![file.path.clone(), words::bytes(file.size_bytes)]))
        });
    }
    let files = context.call(GetClientVersion { version: version.version }).await?.files;
    context.output.show(&files, |files| match files {
        Some(files) => {
            let row = |file: &api::run::Artifact| {
                vec![file.path.clone(), words::bytes(file.size_bytes), words::time(file.modified_ms)]
            };
            table(&["file", ">size", "written"], files.iter().map(row))
        }
        None => format!("The files of {} lie elsewhere: `slipway model show` says where.", title(&version)),
    })
}

fn tags(tags: &BTreeMap<String, String>) -> Option<String> {
    let text = tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    Some(text).filter(|text| !text.is_empty())
}

/// Tags, stage and description, for the head of a version.
pub(super) fn told(of: &BTreeMap<String, String>, stage: Stage, notes: &str) -> [(&'static str, Option<String>); 3] {
    [
        ("stage", (stage != Stage::None).then(|| words::word(&stage))),
        ("tags", tags(of)),
        ("description", Some(notes.trim().to_owned()).filter(|notes| !notes.is_empty())),
    ]
}

/// A version that a client registered.
pub(super) fn shown(detail: &ClientVersionDetail) -> String {
    let ClientVersionDetail { model, version, lineage, files, described, unreadable } = detail;
    let flavors = described.iter().flat_map(|described| &described.flavors);
    let flavors = flavors.map(|flavor| flavor.name.clone()).collect::<Vec<_>>().join(", ");
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let [stage, tags, notes] = told(&version.tags, version.stage, &version.notes);
    let run = lineage.iter().rev().find(|node| node.kind == "run").map(|node| node.label.clone());
    let head = pairs(&[
        ("model", Some(format!("{}:{}", model.name, version.number))),
        ("id", Some(version.id.to_string())),
        ("aliases", some(version.aliases.join(", "))),
        stage,
        tags,
        notes,
        ("run", run.or_else(|| version.run_told.clone()).or_else(|| version.run_link.clone())),
        ("source", Some(version.source.clone())),
        ("logged model", version.logged.clone()),
        ("flavors", some(flavors)),
        ("files", files.as_ref().map(|files| sum(files))),
        ("registered", Some(words::time(version.created_ms))),
        ("by", version.user.clone()),
        ("deployable", Some(format!("no: {}", api::registered::NOT_DEPLOYABLE))),
    ]);
    let mut parts = vec![head];
    parts.extend(unreadable.as_ref().map(|why| format!("note: {why}")));
    if let Some(described) = described {
        for (title, columns) in
            [("asked for", &described.inputs), ("answers", &described.outputs), ("params", &described.params)]
        {
            if !columns.is_empty() {
                let has_default = columns.iter().any(|column| column.default.is_some());
                let default = if has_default { "default" } else { "" };
                parts.push(table(&[title, "type", "", default], columns.iter().map(column)));
            }
        }
    }
    if lineage.len() > 1 {
        parts.push(table(&["what", "name", "from", ""], lineage.iter().map(|node| row(node, lineage))));
    }
    parts.push(detail.python());
    parts.join("\n\n")
}

/// How many files, and how large they are together.
pub(super) fn sum(files: &[api::run::Artifact]) -> String {
    let bytes = files.iter().map(|file| file.size_bytes).sum();
    format!("{}, {}", counted(files.len() as u64, "file", "files"), words::bytes(bytes))
}

fn column(column: &ClientColumn) -> Vec<String> {
    let optional = if column.optional { "optional" } else { "" };
    let name = column.name.clone().unwrap_or_else(|| "–".to_owned());
    vec![name, column.kind.clone(), optional.to_owned(), column.default.clone().unwrap_or_default()]
}

fn row(node: &LineageNode, all: &[LineageNode]) -> Vec<String> {
    let from = node.from.iter().filter_map(|index| all.get(*index)).map(|from| from.label.clone());
    vec![node.kind.clone(), node.label.clone(), from.collect::<Vec<_>>().join(", "), node.detail.clone()]
}
