//! A run's media by a person's clicks and keys: slid through, heard, read, enlarged.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    id::RunId,
    media::ListMedia,
    run::{EditRun, ListRuns, RunRow},
    series::Point,
    source::{AddSource, Kind},
    tracking::ListExperiments,
};
use foreign::tensorboard::write::EventFile;
use journeys::{
    browser::{downloads, fill, gone, press, saved, seen, there},
    desk::Desk,
    process::until,
};
use thirtyfour::{By, Key, WebElement};

const LONG: Duration = Duration::from_secs(60);
const RUN: &str = "00000000000000000000000000000abc";
const PLAIN: &str = "00000000000000000000000000000abd";
/// Loads a frame's text once more, waits until it has come, and counts whatever comes in its place after that.
const LOADED: &str = "const [frame, done] = arguments;
    frame.addEventListener('load', () => {
        window.frameLoads = 0;
        frame.addEventListener('load', () => { window.frameLoads += 1; });
        done(true);
    }, { once: true });
    frame.srcdoc = frame.srcdoc;";
/// Whether the file beside the list, or above it, begins in sight.
const IN_SIGHT: &str = "const at = document.querySelector('.files > .preview').getBoundingClientRect();
    return at.top >= 0 && at.top < innerHeight - 100;";

#[tokio::test(flavor = "multi_thread")]
async fn media_are_slid_through_and_enlarged() {
    Desk::tried("media", media).await.unwrap();
}

/// A run as MLflow's client leaves it, with a picture at two steps, a sound at three and one at none, a table and a text; and
/// one with a picture.
fn logged(folder: &Path) -> Result<()> {
    let run = folder.join("1").join(RUN);
    for name in ["params", "metrics", "tags", "artifacts/images", "artifacts/many", "artifacts/tones"] {
        fs::create_dir_all(run.join(name))?;
    }
    fs::write(
        folder.join("1/meta.yaml"),
        "artifact_location: file:///mlruns/1\nexperiment_id: '1'\nlifecycle_stage: active\nname: seen\n",
    )?;
    fs::write(run.join("meta.yaml"), meta(RUN, "pictured"))?;
    fs::write(run.join("tags/mlflow.loggedArtifacts"), r#"[{"path": "scores.json", "type": "table"}]"#)?;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/foreign/tests/fixtures/dvclive/plots/images");
    for (step, from) in [(1, "sample.png"), (20, "steps/3.png")] {
        let to = format!("artifacts/images/sample+step+{step}+timestamp+{step}+u.png");
        fs::copy(fixture.join(from), run.join(to))?;
    }
    let other = folder.join("1").join(PLAIN);
    for name in ["params", "metrics", "tags", "artifacts/images"] {
        fs::create_dir_all(other.join(name))?;
    }
    fs::write(other.join("meta.yaml"), meta(PLAIN, "plain"))?;
    fs::copy(fixture.join("sample.png"), other.join("artifacts/images/sample+step+20+timestamp+20+u.png"))?;
    fs::write(run.join("artifacts/scores.json"), r#"{"columns": ["name", "score"], "data": [["alpha", 0.5]]}"#)?;
    fs::write(run.join("artifacts/words.txt"), "what was said")?;
    fs::write(run.join("artifacts/notes.md"), "# Found\n\nIt *spreads*. <b>No page</b>")?;
    for number in 0..21 {
        fs::write(run.join(format!("artifacts/many/{number:02}.bin")), "x")?;
    }
    let hostile = "<p>A report.</p><a href='#end' style='display: block; height: 100vh'>To its end</a>\
        <p id='end'><a href='https://example.org/'>Elsewhere</a></p>\
        <script>parent.document.title = document.title = 'taken'</script>";
    fs::write(run.join("artifacts/report.html"), hostile)?;
    let mark = "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><circle r='20' cx='20' cy='20'/></svg>";
    fs::write(run.join("artifacts/mark.svg"), mark)?;
    fs::write(run.join("artifacts/torn.png"), b"\x89PNG\r\n\x1a\nand then nothing")?;
    for (step, seconds) in [(1, 1), (5, 2), (9, 3)] {
        fs::write(run.join(format!("artifacts/tones/step_{step}.wav")), silence(seconds))?;
    }
    Ok(fs::write(run.join("artifacts/tone.wav"), silence(1))?)
}

/// Seconds of silence, each 8,000 samples of a byte.
fn silence(seconds: u32) -> Vec<u8> {
    let samples = 8_000 * seconds;
    let mut sound = b"RIFF".to_vec();
    sound.extend((36 + samples).to_le_bytes());
    sound.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data");
    sound.extend(samples.to_le_bytes());
    sound.resize(44 + samples as usize, 0x80);
    sound
}

/// What MLflow writes of a run.
fn meta(id: &str, name: &str) -> String {
    format!(
        "artifact_uri: file:///mlruns/1/{id}/artifacts\nend_time: 1700000001000\nexperiment_id: '1'\n\
         lifecycle_stage: active\nrun_id: {id}\nrun_name: {name}\nstart_time: 1700000000000\nstatus: 3\nuser_id: ada\n"
    )
}

async fn media(desk: &Desk, folder: &Path) -> Result<()> {
    let driver = desk.driver();
    let logs = folder.join("mlruns");
    logged(&logs)?;
    let path = logs.to_string_lossy().into_owned();
    desk.client.call(AddSource { path, kind: Some(Kind::MlflowFiles), project: None, once: true }).await?;
    let mut rows = Vec::<RunRow>::new();
    until("the runs are read", LONG, async || {
        let all = desk.client.call(ListExperiments::default()).await?;
        let Some(experiment) = all.into_iter().find(|one| one.name == "seen") else { return Ok(false) };
        let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
        rows = desk.client.call(request).await?.rows;
        Ok(rows.len() == 2)
    })
    .await?;
    let run = rows.iter().find(|row| row.name == "pictured").context("the run is gone")?;
    let all = desk.client.call(ListExperiments::default()).await?;
    let experiment = all.into_iter().find(|one| one.name == "seen").context("the experiment is gone")?;
    desk.go(&format!("/e/{}/runs/{}", experiment.id, run.id)).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Media')]").await?;

    // The last step is shown, and a key goes to the one before.
    let card = "//main//section[contains(@class, 'medium')][.//strong[.='sample']]";
    let slider = seen(driver, &format!("{card}//input[@type='range']")).await?;
    drawn(desk, &format!("{card}//img[@alt='sample at step 20']")).await?;
    // A step that is typed is gone to, where there is none to the nearest, which is said.
    let field = format!("{card}//input[@aria-label='Go to step']");
    fill(driver, &field, "3").await?;
    seen(driver, &field).await?.send_keys("" + Key::Enter).await?;
    drawn(desk, &format!("{card}//img[@alt='sample at step 1']")).await?;
    seen(driver, &format!("{card}//*[@role='status'][.='None at step 3: 1 is the nearest']")).await?;
    fill(driver, &field, "20").await?;
    seen(driver, &field).await?.send_keys("" + Key::Enter).await?;
    drawn(desk, &format!("{card}//img[@alt='sample at step 20']")).await?;
    slider.send_keys("" + Key::Left).await?;
    drawn(desk, &format!("{card}//img[@alt='sample at step 1']")).await?;
    ensure!(slider.attr("aria-valuetext").await?.as_deref() == Some("Step 1"), "the slider says no step");

    // A press enlarges it, and Escape goes back to where it was.
    press(driver, &format!("{card}//button[@aria-label='Enlarge sample at step 1']")).await?;
    drawn(desk, "//dialog[@open]//img[@alt='sample at step 1']").await?;
    desk.browser.picture("media-enlarged").await?;
    driver.active_element().await?.send_keys("" + Key::Escape).await?;
    gone(driver, "//dialog[@open]").await?;
    seen(driver, &format!("{card}//img[@alt='sample at step 1']")).await?;

    let of = |key: &str| format!("//main//section[contains(@class, 'medium')][.//strong[.='{key}']]");
    seen(driver, &format!("{}//table//td[.='alpha']", of("scores.json"))).await?;
    seen(driver, &format!("{}//pre[contains(., 'what was said')]", of("words.txt"))).await?;
    // Markdown is drawn, and what is HTML in it stays text; it was logged at no step.
    seen(driver, &format!("{}//em[.='spreads']", of("notes.md"))).await?;
    seen(driver, &format!("{}//p[contains(., '<b>No page</b>')]", of("notes.md"))).await?;
    gone(driver, &format!("{}//header//*[contains(., 'step')]", of("notes.md"))).await?;
    there(driver, &format!("{}//audio[@controls]", of("tone.wav"))).await?;
    heard(desk, folder, &of("tones")).await.context("a sound at several steps")?;
    // What the browser can make nothing of is said, instead of its broken mark.
    seen(driver, &format!("{}//p[starts-with(., \"This picture can't be shown\")]", of("torn.png"))).await?;
    gone(driver, &format!("{}//img", of("torn.png"))).await?;
    // A page and a drawing that somebody logged are seen, and can do nothing.
    let page = seen(driver, &format!("{}//iframe[@title]", of("report.html"))).await?;
    ensure!(page.attr("sandbox").await?.as_deref() == Some(""), "the page is in no sandbox");
    drawn(desk, &format!("{}//img", of("mark.svg"))).await?;
    contained(desk, &page).await.context("the page in its frame")?;
    seen(driver, &format!("{}//p[starts-with(., 'Its links to other pages lead nowhere')]", of("report.html"))).await?;
    desk.browser.picture("media").await?;
    // It may have been half-written when it was looked at.
    press(driver, &format!("{}//button[normalize-space(.)='Try again']", of("torn.png"))).await?;
    seen(driver, &format!("{}//p[starts-with(., \"This picture can't be shown\")]", of("torn.png"))).await?;
    taken(desk, folder, &of("scores.json")).await.context("the table as CSV")?;
    lost(desk, &format!("/e/{}/runs/{}", experiment.id, run.id)).await.context("a medium that does not come")?;
    filed(desk).await.context("its files")?;
    followed(desk, folder, run.id).await.context("its files while they change")?;
    let plain = rows.iter().find(|row| row.name == "plain").context("the other run is gone")?;
    beside(desk, &format!("/e/{}/runs?compare={},{}", experiment.id, run.id, plain.id))
        .await
        .context("beside each other")?;
    desk.go(&format!("/e/{}/runs/{}?tab=media", experiment.id, run.id)).await?;
    slid(desk, folder).await.context("a histogram over steps")?;
    edited(desk).await.context("notes")?;
    // An address that names no tab is about the first.
    desk.go(&format!("/e/{}/runs/{}?tab=nonsense", experiment.id, run.id)).await?;
    seen(driver, "//nav[contains(@class,'tabs')]//a[.='Charts' and @aria-current='page']").await.map(drop)
}

/// Another step of a sound is another file, which lasts as long as it does and is saved by its own name.
async fn heard(desk: &Desk, folder: &Path, card: &str) -> Result<()> {
    let driver = desk.driver();
    let slider = seen(driver, &format!("{card}//input[@type='range']")).await?;
    let last = lasting(desk, &format!("{card}//audio[@aria-label='tones at step 9']"), 3.0).await?;
    slider.send_keys("" + Key::Left).await?;
    let middle = lasting(desk, &format!("{card}//audio[@aria-label='tones at step 5']"), 2.0).await?;
    ensure!(middle != last, "the bytes of two steps have one address");
    ensure!(slider.attr("aria-valuetext").await?.as_deref() == Some("Step 5"), "the slider says no step");
    press(driver, &format!("{card}//button[@aria-label='Save']")).await?;
    let file = downloads(folder).join("step_5.wav");
    until("step_5.wav", LONG, async || Ok(fs::metadata(&file).is_ok_and(|file| file.len() == 16_044))).await?;
    slider.send_keys("" + Key::Left).await?;
    lasting(desk, &format!("{card}//audio[@aria-label='tones at step 1']"), 1.0).await.map(drop)
}

/// Waits for a sound of so many seconds; where its bytes are.
async fn lasting(desk: &Desk, path: &str, seconds: f64) -> Result<String> {
    let mut from = None;
    until(&format!("{seconds} seconds at {path}"), LONG, async || {
        for sound in desk.driver().find_all(By::XPath(path)).await? {
            let length = sound.prop("duration").await.ok().flatten().and_then(|length| length.parse::<f64>().ok());
            if length.is_some_and(|length| (length - seconds).abs() < 0.1) {
                from = sound.attr("src").await.ok().flatten();
            }
        }
        Ok(from.is_some())
    })
    .await?;
    from.context("the sound is gone")
}

/// Bytes that don't come are said in their card, which asks for them again.
async fn lost(desk: &Desk, page: &str) -> Result<()> {
    let driver = desk.driver();
    desk.go(page).await?;
    seen(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Media')]").await?;
    let refuses = "const ask = window.fetch.bind(window);
        window.refuses = true;
        window.fetch = (to, how) => window.refuses && String(to).includes('/api/blob/media/')
            ? Promise.resolve(new Response('out of order', { status: 500 })) : ask(to, how);";
    driver.execute(refuses, Vec::new()).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Media')]").await?;
    let card = "//main//section[contains(@class, 'medium')][.//strong[.='sample']]";
    let again =
        format!("{card}//*[@role='alert'][contains(., 'out of order')]//button[normalize-space(.)='Try again']");
    seen(driver, &again).await.context("it is said")?;
    let named = format!("{card}//*[@role='alert'][contains(., 'sample at step 20 could not be loaded.')]");
    seen(driver, &format!("{named}[not(contains(., '/api/'))]")).await.context("of what, in words")?;
    desk.browser.picture("media-lost").await?;
    driver.execute("window.refuses = false;", Vec::new()).await?;
    press(driver, &again).await?;
    drawn(desk, &format!("{card}//img[@alt='sample at step 20']")).await
}

/// A page in its frame: no script of it ran, and its link leads to a part of it, with nothing in its place.
async fn contained(desk: &Desk, page: &WebElement) -> Result<()> {
    let driver = desk.driver();
    driver.execute_async(LOADED, vec![page.to_json()?]).await?;
    ensure!(driver.title().await? != "taken", "a script of the page ran");
    let text = page.attr("srcdoc").await?.unwrap_or_default();
    ensure!(text.contains("'about:srcdoc#end'") && text.contains(" data-href='https://example.org/'"), "{text}");
    let entries = async || driver.execute("return history.length", Vec::new()).await?.convert::<u64>();
    let before = entries().await?;
    // Its link fills the middle of the frame, which has a process of its own: a press that comes before that has drawn
    // for the first time is lost, and one more leads to the same place.
    until("the page's link is followed", LONG, async || {
        page.click().await?;
        Ok(entries().await? > before)
    })
    .await?;
    let loads = driver.execute("return window.frameLoads", Vec::new()).await?.convert::<u64>()?;
    ensure!(loads == 0, "the link brought something in the page's place");
    Ok(())
}

/// The run's files: a tree of folders, opened and closed by keys, one file read beside it.
async fn filed(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Artifacts')]").await?;
    let preview = |name: &str| format!("//main//section[@aria-label='Preview of {name}']");
    let folder = seen(driver, "//main//tr[@aria-label='Folder images']").await?;
    let was_open = folder.attr("aria-expanded").await?.as_deref() == Some("true");
    folder.send_keys("" + if was_open { Key::Left } else { Key::Right }).await?;
    let turned = format!("//main//tr[@aria-label='Folder images' and @aria-expanded='{}']", !was_open);
    seen(driver, &turned).await?;
    press(driver, "//main//button[.='scores.json']").await?;
    seen(driver, &format!("{}//pre[contains(., 'alpha')]", preview("scores.json"))).await?;
    press(driver, "//main//button[.='report.html']").await?;
    seen(driver, &format!("{}//iframe[@sandbox='']", preview("report.html"))).await?;
    desk.browser.picture("artifacts-tree").await?;
    press(driver, "//main//button[@aria-label='Close the preview']").await?;
    gone(driver, &preview("report.html")).await
}

/// What is written while its files are looked at is seen, and takes neither the focus nor the file that is read away.
async fn followed(desk: &Desk, folder: &Path, run: RunId) -> Result<()> {
    let driver = desk.driver();
    let preview = |name: &str| format!("//main//section[@aria-label='Preview of {name}']");
    let images = "//main//tr[@aria-label='Folder images']";
    press(driver, "//main//button[.='words.txt']").await?;
    seen(driver, &format!("{}//pre[.='what was said']", preview("words.txt"))).await?;
    driver.execute("arguments[0].focus()", vec![seen(driver, images).await?.to_json()?]).await?;
    let artifacts = folder.join("mlruns/1").join(RUN).join("artifacts");
    fs::write(artifacts.join("words.txt"), "what was said anew")?;
    fs::write(artifacts.join("images/about.csv"), "a,b\n1,2\n")?;
    let tags = BTreeMap::from([("looked".to_owned(), Some("at".to_owned()))]);
    desk.client.call(EditRun { run, name: None, notes: None, tags }).await?;
    seen(driver, &format!("{}//pre[.='what was said anew']", preview("words.txt"))).await?;
    seen(driver, &format!("{images}[contains(., '3 files')]")).await?;
    let focused = driver.active_element().await?.attr("aria-label").await?;
    ensure!(focused.as_deref() == Some("Folder images"), "the focus is on {focused:?}");

    // Escape in the field is the field's own.
    let find = seen(driver, "//main//input[@aria-label='Find files']").await?;
    find.send_keys("words").await?;
    gone(driver, images).await?;
    find.send_keys("" + Key::Escape).await?;
    seen(driver, images).await?;
    ensure!(!driver.find_all(By::XPath(preview("words.txt"))).await?.is_empty(), "Escape closed the file, too");

    // Where there is no room beside a long list, the file is scrolled to.
    press(driver, "//main//tr[@aria-label='Folder many']").await?;
    let was = driver.get_window_rect().await?;
    let (width, height) = (u32::try_from(was.width)?, u32::try_from(was.height)?);
    driver.set_window_rect(was.x, was.y, 1000, height).await?;
    press(driver, "//main//button[.='20.bin']").await?;
    seen(driver, &preview("20.bin")).await?;
    let in_sight = async || Ok(driver.execute(IN_SIGHT, Vec::new()).await?.convert::<bool>()?);
    until("the file is in sight", LONG, in_sight).await?;
    desk.browser.picture("artifacts-narrow").await?;
    driver.set_window_rect(was.x, was.y, width, height).await?;
    press(driver, "//main//button[@aria-label='Close the preview']").await?;
    gone(driver, &preview("20.bin")).await
}

/// The same key of two runs at one step; the one that has none says so.
async fn beside(desk: &Desk, page: &str) -> Result<()> {
    let driver = desk.driver();
    desk.go(page).await?;
    press(driver, "//main//button[@role='radio'][.='Media']").await?;
    let key = "//main//select[@aria-label='Key of the media']/option[starts-with(., 'sample')]";
    seen(driver, key).await?.click().await?;
    let all = "//main//section[@aria-label='Media of the runs']";
    for run in ["pictured", "plain"] {
        drawn(desk, &format!("{all}//*[contains(., '{run}')]//img[@alt='sample at step 20']")).await.context(run)?;
    }
    desk.browser.picture("media-beside").await?;
    let slider = seen(driver, &format!("{all}//input[@type='range']")).await?;
    slider.send_keys("" + Key::Left).await?;
    seen(driver, &format!("{all}//*[contains(., 'None at step 1')]")).await.map(drop)
}

/// A logged table as other programs read it.
async fn taken(desk: &Desk, folder: &Path, card: &str) -> Result<()> {
    press(desk.driver(), &format!("{card}//button[@aria-label='Copy or save the table']")).await?;
    press(desk.driver(), "//*[@role='menu']//button[contains(., 'Save as CSV')]").await?;
    let text = saved(folder, "rows.csv").await?;
    ensure!(text == "name,score\r\nalpha,0.5\r\n", "rows.csv has {text:?}");
    Ok(())
}

/// Twenty steps of weights, read out of TensorBoard's log: their card has a slider, and all of them a drawing.
async fn slid(desk: &Desk, folder: &Path) -> Result<()> {
    let driver = desk.driver();
    let log = folder.join("board");
    fs::create_dir_all(&log)?;
    let mut events = EventFile::create(&log, 1_700_000_000_000)?;
    events.points("loss", &[Point { step: 0, time_ms: 1_700_000_000_000, value: 1.0 }])?;
    events.finish()?;
    let file = fs::read_dir(&log)?.next().context("no file was written")??.path();
    let mut file = fs::OpenOptions::new().append(true).open(file)?;
    for step in 0..20 {
        file.write_all(&framed(&histogram(step)))?;
    }
    let path = log.to_string_lossy().into_owned();
    desk.client.call(AddSource { path, kind: Some(Kind::TensorBoard), project: None, once: true }).await?;
    let mut page = None::<String>;
    until("the histograms are read", LONG, async || {
        for experiment in desk.client.call(ListExperiments::default()).await? {
            let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
            for row in desk.client.call(request).await?.rows {
                let has = desk.client.call(ListMedia::of(row.id)).await?.keys.iter().any(|of| of.key == "weights");
                if has {
                    page = Some(format!("/e/{}/runs/{}?tab=media", experiment.id, row.id));
                }
            }
        }
        Ok(page.is_some())
    })
    .await?;
    desk.go(&page.context("no run has them")?).await?;
    let card = "//main//section[contains(@class, 'medium')][.//strong[.='weights']]";
    let slider = seen(driver, &format!("{card}//input[@type='range']")).await?;
    seen(driver, &format!("{card}//*[@aria-label='weights over steps']//*[name()='svg']")).await?;
    seen(driver, &format!("{card}//p[contains(., 'the line is the median')]")).await?;
    // A band a pair of percentiles, and the median over them.
    let bands = "return [...document.querySelectorAll('[aria-label=\"weights over steps\"] path')]
        .filter(path => /Z\\s*$/.test(path.getAttribute('d'))).length;";
    let all = async || Ok(driver.execute(bands, Vec::new()).await?.convert::<u64>()? >= 4);
    until("the bands", LONG, all).await?;
    for _ in 0..7 {
        slider.send_keys("" + Key::Left).await?;
    }
    seen(driver, &format!("{card}//header//*[.='step 120']")).await?;
    ensure!(slider.attr("aria-valuetext").await?.as_deref() == Some("Step 120"), "the slider says no step");
    seen(driver, &format!("{card}//*[@aria-label='weights']//*[name()='svg']")).await?;
    desk.browser.picture("media-histograms").await?;
    let plot = seen(driver, &format!("{card}//*[@aria-label='weights over steps']")).await?;
    driver.action_chain().context_click_element(&plot).perform().await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Save as SVG')]").await?;
    let svg = saved(folder, "weights over steps.svg").await?;
    ensure!(svg.starts_with("<svg"), "what was saved is {svg}");
    Ok(())
}

/// Notes of the run that is shown: begun, drawn, changed, and left as they were.
async fn edited(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    press(driver, "//nav[contains(@class,'tabs')]//a[.='Parameters']").await?;
    press(driver, "//main//button[normalize-space(.)='Add a note']").await?;
    let field = "//main//textarea[@aria-label='Notes']";
    seen(driver, field).await?.send_keys("# Weights\n\nThey **spread**.").await?;
    press(driver, "//main//button[normalize-space(.)='Save notes']").await?;
    seen(driver, "//main//*[contains(@class,'notes-shown')]//strong[.='spread']").await?;
    gone(driver, field).await?;
    press(driver, "//main//*[contains(@class,'notes-shown')]//button[normalize-space(.)='Edit']").await?;
    let typed = seen(driver, field).await?;
    typed.send_keys(" Slowly.").await?;
    typed.send_keys(Key::Control + Key::Enter).await?;
    seen(driver, "//main//*[contains(@class,'notes-shown')]//p[contains(., 'spread. Slowly.')]").await?;
    press(driver, "//main//*[contains(@class,'notes-shown')]//button[normalize-space(.)='Edit']").await?;
    seen(driver, field).await?.send_keys(" Not kept.").await?;
    press(driver, "//main//button[normalize-space(.)='Cancel']").await?;
    gone(driver, field).await?;
    seen(driver, "//main//*[contains(@class,'notes-shown')]//p[contains(., 'Slowly.') and not(contains(., 'kept'))]")
        .await
        .map(drop)
}

/// An event of TensorBoard's with a histogram of a normal distribution that widens from step to step, by the tags of
/// `event.proto` and `summary.proto`.
fn histogram(at: u8) -> Vec<u8> {
    let wide = 0.2 + f64::from(at) / 20.0;
    let (mut limits, mut counts) = (Vec::new(), Vec::new());
    for bin in -15..15 {
        let middle = (f64::from(bin) + 0.5) / 5.0;
        limits.extend((f64::from(bin + 1) / 5.0).to_le_bytes());
        counts.extend((1000.0 * (-middle * middle / (2.0 * wide * wide)).exp()).to_le_bytes());
    }
    let histogram = [double(1, -3.0), double(2, 3.0), bytes(6, &limits), bytes(7, &counts)].concat();
    let value = [bytes(1, b"weights"), bytes(5, &histogram)].concat();
    let step = if at < 13 { vec![0x10, at * 10] } else { vec![0x10, (at * 10) | 0x80, 1] };
    [double(1, 1_700_000_001.0 + f64::from(at)), step, bytes(5, &bytes(1, &value))].concat()
}

fn double(tag: u8, value: f64) -> Vec<u8> {
    [&[tag << 3 | 1][..], &value.to_le_bytes()].concat()
}

/// A field of bytes, its length as a varint of two bytes at most.
fn bytes(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let length =
        if length < 0x80 { vec![length as u8] } else { vec![(length & 0x7f) as u8 | 0x80, (length >> 7) as u8] };
    [&[tag << 3 | 2][..], &length, value].concat()
}

/// A record of TFRecord's: its length and itself, each with its masked checksum.
fn framed(data: &[u8]) -> Vec<u8> {
    let masked = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// Waits for a picture whose bytes came and were decoded.
async fn drawn(desk: &Desk, path: &str) -> Result<()> {
    until(path, LONG, async || {
        for image in desk.driver().find_all(By::XPath(path)).await? {
            let width = image.prop("naturalWidth").await.ok().flatten();
            if width.is_some_and(|width| width != "0") {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await
}
