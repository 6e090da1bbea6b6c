//! Drawings by a person's hand: looked at closer by dragging and by keyboard, and back, and saved as files.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use journeys::{
    browser::{self, gone, press, seen, told},
    desk::Desk,
    process::until,
    road,
};
use thirtyfour::{By, Key, TypingData};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn drawings_are_looked_at_closer_and_saved() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = drawings(&desk, &browser::downloads(folder.path())).await;
    told(&desk.browser, "drawings", result).await.unwrap();
}

async fn drawings(desk: &Desk, saved: &Path) -> Result<()> {
    let project = road::open_sample(&desk.client, "diabetes").await?.id;
    let run = road::train(&desk.client, project).await?;
    desk.go(&format!("/p/{project}/runs/{run}?tab=evaluation")).await?;
    for (title, of, part) in [("Predicted over actual", "row", "predicted"), ("Residuals", "bin", "residuals")] {
        let path = format!("//section[.//h2[.='{title}']]//div[contains(@class,'plot')]");
        closer_and_back(desk, title, &path).await.with_context(|| format!("look closer at {title}"))?;
        pointed_at(desk, &path, part).await.with_context(|| format!("point at {title}"))?;
        kept(desk, (title, of), &path, saved).await.with_context(|| format!("save {title}"))?;
    }
    desk.go(&format!("/p/{project}/runs/{run}")).await?;
    curves(desk).await.context("look closer at curves")
}

/// Drags over the middle of a drawing, as a hand does: there in two moves.
async fn drag(desk: &Desk, path: &str) -> Result<()> {
    let plot = seen(desk.driver(), path).await?;
    let actions = desk.driver().action_chain();
    let actions = actions.move_to_element_center(&plot).move_by_offset(-60, -30).click_and_hold();
    Ok(actions.move_by_offset(40, 20).move_by_offset(50, 30).release().perform().await?)
}

async fn double_click(desk: &Desk, path: &str) -> Result<()> {
    let plot = seen(desk.driver(), path).await?;
    Ok(desk.driver().action_chain().double_click_element(&plot).perform().await?)
}

async fn type_in(desk: &Desk, path: &str, keys: impl Into<TypingData>) -> Result<()> {
    let plot = seen(desk.driver(), path).await?;
    plot.focus().await?;
    Ok(plot.send_keys(keys).await?)
}

/// What is drawn now; nothing while the page puts another drawing in its place.
async fn drawn(desk: &Desk, path: &str) -> Result<String> {
    let drawing = desk.driver().find(By::XPath(format!("{path}/div[1]/*[name()='svg']"))).await?;
    Ok(drawing.prop("outerHTML").await.ok().flatten().unwrap_or_default())
}

/// What is drawn once it stays.
async fn whole(desk: &Desk, path: &str) -> Result<String> {
    let mut before = String::new();
    until("a drawing that stays", PATIENCE, async || {
        let now = drawn(desk, path).await.unwrap_or_default();
        let stays = !now.is_empty() && now == before;
        before = now;
        Ok(stays)
    })
    .await?;
    Ok(before)
}

async fn becomes(desk: &Desk, path: &str, what: &str, is: impl Fn(&str) -> bool) -> Result<()> {
    until(what, PATIENCE, async || {
        let now = drawn(desk, path).await?;
        Ok(!now.is_empty() && is(&now))
    })
    .await
}

async fn closer_and_back(desk: &Desk, name: &str, path: &str) -> Result<()> {
    seen(desk.driver(), path).await?.scroll_into_view().await?;
    let whole = whole(desk, path).await?;
    drag(desk, path).await?;
    becomes(desk, path, "dragging looks closer", |now| now != whole).await?;
    let part = drawn(desk, path).await?;
    let picture = name.to_lowercase().replace(' ', "-");
    desk.browser.picture(&format!("drawing-{picture}")).await?;
    double_click(desk, path).await?;
    becomes(desk, path, "a double click shows all", |now| now == whole).await?;

    // From the menu as well.
    drag(desk, path).await?;
    becomes(desk, path, "the same part again", |now| now == part).await?;
    menu(desk, path, "Show all").await?;
    becomes(desk, path, "the menu shows all", |now| now == whole).await?;

    type_in(desk, path, "+").await?;
    becomes(desk, path, "+ looks closer", |now| now != whole).await?;
    let half = drawn(desk, path).await?;
    type_in(desk, path, "+").await?;
    becomes(desk, path, "+ looks closer again", |now| now != half && now != whole).await?;
    type_in(desk, path, "-").await?;
    becomes(desk, path, "- goes back one", |now| now == half).await?;
    type_in(desk, path, Key::Escape + "").await?;
    becomes(desk, path, "Escape shows all", |now| now == whole).await
}

/// The arrows go from part to part, and the figures of each stand at it.
async fn pointed_at(desk: &Desk, path: &str, said: &str) -> Result<()> {
    let plot = seen(desk.driver(), path).await?;
    plot.focus().await?;
    plot.send_keys(Key::Right + "").await?;
    let tip = format!("{path}//div[contains(@class,'tip')]");
    let first = seen(desk.driver(), &tip).await?.text().await?;
    ensure!(first.contains(said), "the first part says {first}");
    plot.send_keys(Key::Right + "").await?;
    until("the next part", PATIENCE, async || Ok(seen(desk.driver(), &tip).await?.text().await? != first)).await?;
    plot.send_keys(Key::Escape + "").await?;
    gone(desk.driver(), &tip).await
}

/// The menu stands in the drawing while a hand is over it.
async fn menu(desk: &Desk, path: &str, item: &str) -> Result<()> {
    let plot = seen(desk.driver(), path).await?;
    desk.driver().action_chain().move_to_element_center(&plot).perform().await?;
    press(desk.driver(), &format!("{path}//button[@aria-label=\"Drawing's menu\"]")).await?;
    press(desk.driver(), &format!("//*[@role='menu']//button[normalize-space(.)='{item}']")).await
}

/// Each kind of file is what its name says. `of` is what the drawing's parts are.
async fn kept(desk: &Desk, (name, of): (&str, &str), path: &str, saved: &Path) -> Result<()> {
    let head = format!("{of},figure,value\r\n");
    for (kind, item, head) in [
        ("svg", "Save as SVG", b"<svg".as_slice()),
        ("png", "Save as PNG", b"\x89PNG\r\n\x1a\n".as_slice()),
        ("csv", "Save as CSV", head.as_bytes()),
    ] {
        menu(desk, path, item).await?;
        let file = saved.join(format!("{name}.{kind}"));
        // A browser gives it its name once it is whole.
        until(&format!("the file {}", file.display()), PATIENCE, async || Ok(file.exists())).await?;
        let bytes = std::fs::read(&file)?;
        ensure!(bytes.starts_with(head), "{name}.{kind} begins with {:?}", &bytes[..bytes.len().min(20)]);
        let whole = match kind {
            "svg" => bytes.trim_ascii_end().ends_with(b"</svg>"),
            "csv" => bytes.iter().filter(|byte| **byte == b'\n').count() > 5,
            _ => bytes.len() > 1000,
        };
        ensure!(whole, "{name}.{kind} has {} bytes", bytes.len());
    }
    Ok(())
}

/// The curves of the run: by dragging, and by keyboard, which also says where it is.
async fn curves(desk: &Desk) -> Result<()> {
    const PATH: &str = "(//div[contains(@class,'plot') and @role='slider'])[1]";
    let whole = whole(desk, PATH).await?;
    drag(desk, PATH).await?;
    becomes(desk, PATH, "dragging looks closer", |now| now != whole).await?;
    desk.browser.picture("drawing-curves").await?;
    double_click(desk, PATH).await?;
    becomes(desk, PATH, "a double click shows all", |now| now == whole).await?;
    type_in(desk, PATH, Key::Home + "").await?;
    let plot = seen(desk.driver(), PATH).await?;
    let said = async || Ok(plot.attr("aria-valuetext").await?.is_some_and(|said| said.contains("validation")));
    until("the place is said", PATIENCE, said).await?;
    type_in(desk, PATH, "+").await?;
    becomes(desk, PATH, "+ looks closer", |now| now != whole).await?;
    type_in(desk, PATH, "-").await?;
    becomes(desk, PATH, "- goes back", |now| now == whole).await
}
