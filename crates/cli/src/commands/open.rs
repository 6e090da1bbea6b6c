//! `slipway open`: a folder becomes an open project, shown in the window or at a page's address; so is a run.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use api::{
    ApiError,
    host::MakeKey,
    project::{OpenProject, Project, SameId},
    run::{GetRun, Run},
};
use clap::Args;
use serde::Serialize;

use crate::{
    context::{Context, Outcome, absolute, current_folder, project_folder},
    places,
    words::shell,
};

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// A project's folder; by default the one that this folder is in
    path: Option<PathBuf>,
    /// Show this run, by its name or id, or `latest`
    #[arg(long, conflicts_with_all = ["path", "same_place", "new_project"])]
    run: Option<String>,
    /// The folder is another place of a project that is known already
    #[arg(long, conflicts_with = "new_project")]
    same_place: bool,
    /// The folder is a copy that becomes a project of its own
    #[arg(long)]
    new_project: bool,
    /// Print the page's address even where the window could be opened
    #[arg(long)]
    address: bool,
}

#[derive(Debug, Serialize)]
struct Opened {
    /// Good once.
    address: Option<String>,
    project: Option<Project>,
}

#[derive(Debug, Serialize)]
struct OpenedRun {
    /// Good once.
    address: String,
    run: Run,
}

pub(crate) async fn run(context: &mut Context, open: Open) -> Outcome {
    context.staying().await?;
    if let Some(named) = &open.run {
        let run = context.call(GetRun { run: context.run(named).await? }).await?;
        return show_run(context, run, open.address).await;
    }
    let folder = match &open.path {
        Some(path) => Some(path.clone()),
        None => project_folder(&current_folder()?),
    };
    let same_id = match (open.same_place, open.new_project) {
        (true, _) => SameId::SamePlace,
        (_, true) => SameId::NewProject,
        _ => SameId::Ask,
    };
    let project = match folder {
        Some(folder) => Some(
            context
                .call(OpenProject { path: absolute(&folder)?, same_id })
                .await
                .map_err(|error| way_out(error, &folder))?,
        ),
        None => None,
    };
    let window = if open.address || context.output.json { None } else { places::window() };
    if let Some(window) = window {
        show_window(&window, project.as_ref().map(|project| &project.path))?;
        return context.output.show(&project, |project| match project {
            Some(project) => format!("{} opens in the window.", project.name),
            None => "The window opens.".to_owned(),
        });
    }
    let page = project.as_ref().map(|project| format!("p/{}", project.id)).unwrap_or_default();
    let address = at_page(&context.call(MakeKey {}).await?.address, &page);
    context.output.show(&Opened { address: Some(address), project }, |opened| {
        let address = opened.address.as_deref().unwrap_or_default();
        match &opened.project {
            Some(project) => format!("{} is open at {address}", project.name),
            None => address.to_owned(),
        }
    })
}

async fn show_run(context: &Context, run: Run, address: bool) -> Outcome {
    let page = format!("r/{}", run.id);
    let window = if address || context.output.json { None } else { places::window() };
    if let Some(window) = window {
        show_window(&window, Some(format!("--page=/{page}")))?;
        return context.output.show(&run, |run| format!("{} opens in the window.", run.name));
    }
    let address = at_page(&context.call(MakeKey {}).await?.address, &page);
    context
        .output
        .show(&OpenedRun { address, run }, |opened| format!("{} is open at {}", opened.run.name, opened.address))
}

/// The address of a page: its key stands behind it.
fn at_page(address: &str, page: &str) -> String {
    address.replacen("/#", &format!("/{page}#"), 1)
}

fn way_out(error: ApiError, folder: &Path) -> ApiError {
    if folder.join("slipway.toml").exists() || error.hint.is_some() {
        return error;
    }
    error
        .with_hint(format!("Make it a project with `slipway project create {}`.", shell(&folder.display().to_string())))
}

fn show_window(window: &Path, what: Option<impl AsRef<OsStr>>) -> Outcome {
    let mut command = Command::new(window);
    command.args(what);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| {
        ApiError::new(api::ErrorCode::Internal, format!("Can't open the window {}: {error}.", window.display()))
            .with_hint("`slipway open --address` prints the address of the same pages for a browser.")
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stands_before_the_key_of_its_address() {
        let address = "http://127.0.0.1:4000/#a/#key";
        assert_eq!(at_page(address, "r/1"), "http://127.0.0.1:4000/r/1#a/#key");
        assert_eq!(at_page(address, ""), address);
    }
}
