//! A model is asked by a person's clicks, on its own page and where it is deployed: what it never saw is marked, a
//! decimal comma is read, and an answer fades once it is of other values; a whole file is predicted.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    deploy::CallDeployment,
    model::{GetVersion, ListModels, Predict},
};
use journeys::{
    browser::{fill, gone, press, seen, seen_late, there, told},
    desk::Desk,
    process::until,
    road,
};
use serde_json::{Value, json};
use thirtyfour::By;

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_typed_asked_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = asked_twice(&desk).await;
    told(&desk.browser, "asking", result).await.unwrap();
}

async fn asked_twice(desk: &Desk) -> Result<()> {
    let client = &desk.client;
    let opened = road::open_sample(client, "penguins").await?;
    let project = opened.id;
    let version = road::register(client, road::train(client, project).await?, &[]).await?;
    let target = road::this_machine(client).await?;
    let deployment = road::deploy(client, road::spec("penguins", target, version.id)).await?;
    // What the form begins with, and what is typed over it.
    let mut row = client.call(GetVersion { version: version.id }).await?.examples.remove(0);
    row["bill_length_mm"] = json!(40.5);
    row["island"] = json!("Atlantis");

    desk.go(&format!("/p/{project}/models/{}", version.id)).await?;
    let form = "//main//section[.//h2[.='Try it']]";
    asked(desk, form, "Predict", "try-it").await.context("try it")?;
    let answer = client.call(Predict { version: version.id, rows: vec![row.clone()] }).await?.rows.remove(0);
    shows(desk, form, &answer).await.context("try it")?;
    file_is_predicted(desk, Path::new(&opened.path)).await.context("predict a file")?;

    desk.go(&format!("/p/{project}/deploy?deployment={}", deployment.id)).await?;
    press(desk.driver(), "//aside//summary[.='The row that is asked']").await?;
    asked(desk, "//aside", "Call it", "sample-call").await.context("the sample call")?;
    let answer = client.call(CallDeployment { deployment: deployment.id, rows: vec![row] }).await?.rows.remove(0);
    shows(desk, "//aside", &answer).await.context("the sample call")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_registered_since_is_the_one_that_its_deploy_dialog_is_of() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = registered_since(&desk).await;
    told(&desk.browser, "deploy-newer", result).await.unwrap();
}

async fn registered_since(desk: &Desk) -> Result<()> {
    let (driver, client) = (desk.driver(), &desk.client);
    let project = road::open_sample(client, "breast-cancer").await?.id;
    road::register(client, road::train(client, project).await?, &[]).await?;
    road::edit(client, project, &[("training.seed", json!(1))]).await?;
    let run = road::train(client, project).await?;
    desk.go(&format!("/p/{project}/runs/{run}")).await?;
    seen(driver, "//button[contains(., 'Register model')]").await?;
    // The Deploy page knows v1 only, and is left before there is another.
    press(driver, "//nav[contains(@class,'rail')]//a[contains(., 'Deploy')]").await?;
    seen(driver, "//main//td//b[.='v1']").await?;
    driver.back().await?;
    press(driver, "//button[contains(., 'Register model')]").await?;
    press(driver, "//dialog[@open]//footer//button[normalize-space(.)='Register']").await?;
    seen(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Try it')]").await.context("the version's page")?;
    press(driver, "//main//a[contains(@class,'primary') and contains(., 'Deploy')]").await?;
    seen(driver, "//dialog[@open]//label[span='Version']//select").await?;
    there(driver, "//dialog[@open]//label[span='Version']//option[contains(., 'v2')]").await.context("the list")?;
    let versions = client.call(ListModels::of(project)).await?.into_iter().flat_map(|model| model.versions);
    let newest = versions.max_by_key(|version| version.number).context("no version")?;
    ensure!(newest.number == 2, "the newest is v{}", newest.number);
    let select = driver.find(By::XPath("//dialog[@open]//label[span='Version']//select")).await?;
    ensure!(
        select.prop("value").await? == Some(newest.id.to_string()),
        "the field shows {:?}",
        select.prop("value").await?
    );
    desk.browser.picture("deploy-newer").await
}

/// Types what is unusual and what is wrong, and asks, in the form that stands in `place`.
async fn asked(desk: &Desk, place: &str, verb: &str, name: &str) -> Result<()> {
    let driver = desk.driver();
    let input = |name: &str| format!("{place}//input[@aria-label='{name}']");
    let beside = |name: &str, what: &str| format!("{place}//label[.//input[@aria-label='{name}']]/small[{what}]");
    let button = format!("{place}//button[normalize-space(.)='{verb}']");

    seen(driver, &button).await.context("the example stands in the form")?;
    fill(driver, &input("bill_length_mm"), "40,5 cm").await?;
    seen(driver, &beside("bill_length_mm", "@role='alert' and .='A number is expected'")).await?;
    ensure!(!driver.find(By::XPath(&button)).await?.is_enabled().await?, "what is wrong can be sent");
    fill(driver, &input("bill_length_mm"), "40,5").await?;
    gone(driver, &beside("bill_length_mm", "@role='alert'")).await.context("a decimal comma")?;
    press(driver, &button).await?;
    let answer = format!("{place}//*[contains(@class,'predicted') and @role='status']");
    let whole = async || Ok(opacity(desk, &answer).await? >= 1.0);
    until("the first answer stands out", Duration::from_secs(10), whole).await?;

    fill(driver, &input("island"), "Atlantis").await?;
    seen(driver, &beside("island", "@role='status' and .='not seen in training'")).await.context("an unseen value")?;
    seen(driver, &format!("{place}//*[.='The answer is of the values before.']")).await?;
    let faded = async || Ok(opacity(desk, &answer).await? < 0.7);
    until("an answer of other values fades", Duration::from_secs(10), faded).await?;
    desk.browser.picture(&format!("{name}-faded")).await?;

    press(driver, &button).await?;
    gone(driver, &format!("{place}//*[.='The answer is of the values before.']")).await?;
    let whole = async || Ok(opacity(desk, &answer).await? >= 1.0);
    until("the new answer stands out", Duration::from_secs(10), whole).await?;
    let answer = seen(driver, &answer).await?.rect().await?;
    ensure!(answer.y < seen(driver, &input("island")).await?.rect().await?.y, "the answer stands below the form");
    desk.browser.picture(&format!("{name}-answered")).await
}

/// The card beside the form takes a file, and what is there is replaced only on demand.
async fn file_is_predicted(desk: &Desk, folder: &Path) -> Result<()> {
    let driver = desk.driver();
    let card = "//main//section[.//h2[.='Predict a file']]";
    let field = |label: &str| format!("{card}//label[span[.='{label}']]//input");
    let button = format!("{card}//button[normalize-space(.)='Predict file']");
    let (rows, output) = (folder.join("penguins.csv"), folder.join("predicted.csv"));
    fill(driver, &field("File of rows"), &rows.to_string_lossy()).await?;
    fill(driver, &field("Predictions go to"), &output.to_string_lossy()).await?;
    press(driver, &button).await?;
    seen_late(driver, "//*[contains(@class,'toast')][contains(., 'rows predicted into')]").await?;
    let lines = |path: &Path| Ok::<_, anyhow::Error>(std::fs::read_to_string(path)?.lines().count());
    ensure!(lines(&output)? == lines(&rows)?, "a row is missing");

    std::fs::write(&output, "precious")?;
    press(driver, &button).await?;
    seen(driver, "//*[contains(@class,'toast')][contains(., 'predicted.csv')][contains(., 'is there')]").await?;
    ensure!(std::fs::read_to_string(&output)? == "precious", "it was replaced unasked");
    Ok(())
}

/// How much of an element is seen: its own opacity and that of all around it.
async fn opacity(desk: &Desk, path: &str) -> Result<f64> {
    const SEEN: &str = "let all = 1; for (let at = arguments[0]; at; at = at.parentElement) \
        all *= Number(getComputedStyle(at).opacity); return all;";
    let element = seen(desk.driver(), path).await?;
    Ok(desk.driver().execute(SEEN, vec![element.to_json()?]).await?.convert::<f64>()?)
}

/// The page says what the host answers to the same row.
async fn shows(desk: &Desk, place: &str, answer: &Value) -> Result<()> {
    let prediction = answer["prediction"].as_str().context("no class is predicted")?;
    let shown = seen(desk.driver(), &format!("{place}//*[contains(@class,'prediction')]")).await?.text().await?;
    ensure!(shown == prediction, "the page says {shown}, the host {prediction}");
    let share = seen(desk.driver(), &format!("{place}//*[@role='meter' and @aria-label='{prediction}']")).await?;
    let share: f64 = share.attr("aria-valuenow").await?.unwrap_or_default().parse()?;
    let wanted = answer[format!("probability_{prediction}")].as_f64().context("no probability")?;
    ensure!((share - wanted).abs() < 1e-6, "the page says {share}, the host {wanted}");
    Ok(())
}
