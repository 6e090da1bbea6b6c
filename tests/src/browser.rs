//! A person's clicks: the real window by WebDriver, and headless Chromium against the host.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use thirtyfour::{By, Capabilities, Key, WebDriver, WebElement};

use crate::{
    display::Display,
    host,
    process::{Running, free_port, skipped_without, until, wait_until},
};

/// For what a page shows by itself, on a slow machine with several journeys at once.
const PATIENCE: Duration = Duration::from_secs(90);
/// For the end of work: longer than a training, a rollout, an image or a first start on such a machine takes.
const LATE: Duration = Duration::from_secs(420);
/// For what is there: nothing but the page itself keeps it from being pressed.
const CLICK: Duration = Duration::from_secs(60);

/// A driver with its server, ended with the test.
#[derive(Debug)]
pub struct Browser {
    pub driver: WebDriver,
    port: u16,
    _server: Running,
    display: Option<Display>,
}

impl Browser {
    /// The display that the window is on, such as `:7`; none for headless Chromium.
    pub fn display(&self) -> Option<&str> {
        self.display.as_ref().map(|display| display.name.as_str())
    }

    /// What the page wrote to Chromium's console since it was last asked; warnings and errors only.
    pub async fn console(&self) -> Result<Vec<String>> {
        let address = format!("http://127.0.0.1:{}/session/{}/se/log", self.port, self.driver.session_id());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.post(address).json(&json!({"type": "browser"})).send().await?.error_for_status()?;
        let answer: serde_json::Value = answer.json().await?;
        let lines = answer["value"].as_array().context("the driver has no log")?;
        let told = |line: &serde_json::Value| matches!(line["level"].as_str(), Some("WARNING" | "SEVERE"));
        Ok(lines.iter().filter(|line| told(line)).map(|line| line["message"].to_string()).collect())
    }

    /// Keeps a picture where `SLIPWAY_PICTURES` names a folder.
    pub async fn picture(&self, name: &str) -> Result<()> {
        if let Some(folder) = std::env::var_os("SLIPWAY_PICTURES") {
            std::fs::create_dir_all(&folder)?;
            self.driver.screenshot(&PathBuf::from(folder).join(format!("{name}.png"))).await?;
        }
        Ok(())
    }
}

/// Headless Chromium at a size in CSS pixels.
pub async fn chromium(folder: &Path, width: u32, height: u32) -> Result<Browser> {
    let port = free_port()?;
    let server = Running::start("chromedriver", Command::new("chromedriver").arg(format!("--port={port}")), folder)?;
    let profile = folder.join("chromium-profile");
    let arguments = [
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--force-device-scale-factor=1".to_owned(),
        format!("--window-size={width},{height}"),
        format!("--user-data-dir={}", profile.display()),
    ];
    let prefs = json!({"download.default_directory": downloads(folder), "download.prompt_for_download": false});
    let options = json!({"args": arguments, "binary": "/usr/bin/chromium", "prefs": prefs});
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities.insert("goog:loggingPrefs".to_owned(), json!({"browser": "ALL"}));
    let driver = connect(port, capabilities).await?;
    // The size of a window is that of its frame: the page is to have it.
    let inner = driver.execute("return [innerWidth, innerHeight]", Vec::new()).await?.convert::<[u32; 2]>()?;
    driver.set_window_rect(0, 0, 2 * width - inner[0].min(width), 2 * height - inner[1].min(height)).await?;
    Ok(Browser { driver, port, _server: server, display: None })
}

/// Where Chromium, started with a folder, puts what a page saves.
pub fn downloads(folder: &Path) -> PathBuf {
    folder.join("downloads")
}

/// The text of a file that a page saved, once it is there. Chromium takes its name before it has its bytes.
pub async fn saved(folder: &Path, name: &str) -> Result<String> {
    let file = downloads(folder).join(name);
    let mut text = String::new();
    until(name, Duration::from_secs(30), async || {
        text = std::fs::read_to_string(&file).unwrap_or_default();
        Ok(!text.is_empty())
    })
    .await?;
    Ok(text)
}

/// Keeps beside the clipboard what the page copies from now on, until it is loaded anew: no page may read that unasked.
pub async fn keep_copied(driver: &WebDriver) -> Result<()> {
    let listens = "window.copied = '';
        navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); };";
    driver.execute(listens, Vec::new()).await?;
    Ok(())
}

/// What the page copied last; empty where that is nothing.
pub async fn copied(driver: &WebDriver) -> Result<String> {
    Ok(driver.execute("return window.copied", Vec::new()).await?.convert::<String>()?)
}

/// Says in one line that the window can't be driven here; `true` where it can't.
pub fn window_skipped() -> bool {
    let tools = std::env::var_os("SLIPWAY_TOOLS").map(|tools| PathBuf::from(tools).join("bin/tauri-driver"));
    if !tools.is_some_and(|driver| driver.exists()) {
        crate::skipped::skipped("tauri-driver is not built; `cargo xtask test` builds it");
        return true;
    }
    skipped_without(&["Xvfb", "WebKitWebDriver"])
}

/// The real window under a display of its own. The program is started with `environment`.
pub async fn window(
    program: &Path,
    folder: &Path,
    width: u32,
    height: u32,
    set: impl Fn(&mut Command),
) -> Result<Browser> {
    let display = Display::start(folder, width, height)?;
    let browser = window_on(&display.name, program, &[], folder, set).await?;
    Ok(Browser { display: Some(display), ..browser })
}

/// The real window on a display that is there, started with arguments.
pub async fn window_on(
    display: &str,
    program: &Path,
    arguments: &[&Path],
    folder: &Path,
    set: impl Fn(&mut Command),
) -> Result<Browser> {
    let tools = PathBuf::from(std::env::var_os("SLIPWAY_TOOLS").context("SLIPWAY_TOOLS is not set")?);
    let (port, native) = (free_port()?, free_port()?);
    let mut command = Command::new(tools.join("bin/tauri-driver"));
    command.arg(format!("--port={port}")).arg(format!("--native-port={native}")).env("DISPLAY", display);
    set(&mut command);
    let server = Running::start("tauri-driver", &mut command, folder)?;
    // It answers before the WebKit driver behind it does, and drops what it can't hand on yet.
    listens("the WebKit driver", native)?;
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("wry"));
    capabilities.insert("tauri:options".to_owned(), json!({"application": program, "args": arguments}));
    let driver = connect(port, capabilities).await?;
    Ok(Browser { driver, port, _server: server, display: None })
}

async fn connect(port: u16, capabilities: Capabilities) -> Result<WebDriver> {
    host::install_tls();
    listens("the driver", port)?;
    WebDriver::new(&format!("http://127.0.0.1:{port}"), capabilities).await.context("open a browser session")
}

fn listens(what: &str, port: u16) -> Result<()> {
    wait_until(what, Duration::from_secs(30), || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
}

/// Leaves a picture and the page's last words behind where a journey fails, and closes the browser either way. A page
/// that panicked has failed, whatever it still shows.
pub async fn told(browser: &Browser, name: &str, result: Result<()>) -> Result<()> {
    let fault = browser.driver.execute("return document.documentElement.getAttribute('data-fault')", Vec::new()).await;
    let fault = fault.ok().and_then(|fault| fault.json().as_str().map(str::to_owned));
    let result = match fault {
        Some(fault) => {
            let before = result.err().unwrap_or_else(|| anyhow::anyhow!("all the same it went to its end"));
            Err(before.context(format!("the page panicked: {fault}")))
        }
        None => result,
    };
    if result.is_err() {
        let picture = std::env::temp_dir().join(format!("slipway-{name}-failed.png"));
        let _ = browser.driver.screenshot(&picture).await;
        println!("what was seen last: {}", picture.display());
        // WebKit's driver keeps no log.
        for line in browser.console().await.unwrap_or_default() {
            println!("the page said: {line}");
        }
    }
    let _ = browser.driver.clone().quit().await;
    result
}

/// Waits for an element that can be seen.
pub async fn seen(driver: &WebDriver, path: &str) -> Result<WebElement> {
    seen_within(driver, path, PATIENCE).await
}

/// The same for what stands there once work has ended: a training, a rollout, an image, a first start.
pub async fn seen_late(driver: &WebDriver, path: &str) -> Result<WebElement> {
    seen_within(driver, path, LATE).await
}

async fn seen_within(driver: &WebDriver, path: &str, patience: Duration) -> Result<WebElement> {
    let mut found = None;
    until(path, patience, async || {
        found = shown(driver, path).await;
        Ok(found.is_some())
    })
    .await?;
    found.with_context(|| format!("{path} is gone"))
}

/// The first element that can be seen now.
async fn shown(driver: &WebDriver, path: &str) -> Option<WebElement> {
    for element in driver.find_all(By::XPath(path)).await.unwrap_or_default() {
        if element.is_displayed().await.unwrap_or(false) && element.is_enabled().await.unwrap_or(false) {
            return Some(element);
        }
    }
    None
}

/// Waits for an element that may not be pressed, such as a disabled choice.
pub async fn there(driver: &WebDriver, path: &str) -> Result<()> {
    let any = async || Ok(!driver.find_all(By::XPath(path)).await?.is_empty());
    until(path, PATIENCE, any).await
}

/// Waits until the elements have these texts, in this order, and there are no others.
pub async fn says(driver: &WebDriver, path: &str, expected: &[&str]) -> Result<()> {
    let there = async || {
        let mut found = Vec::new();
        for element in driver.find_all(By::XPath(path)).await? {
            // What is replaced under the eye is read again.
            let Ok(text) = element.text().await else { return Ok(false) };
            found.push(text);
        }
        Ok(found == expected)
    };
    until(&format!("{expected:?} at {path}"), PATIENCE, there).await
}

/// Waits until there is no such element.
pub async fn gone(driver: &WebDriver, path: &str) -> Result<()> {
    gone_within(driver, path, PATIENCE).await
}

/// The same for what goes once work has ended.
pub async fn gone_late(driver: &WebDriver, path: &str) -> Result<()> {
    gone_within(driver, path, LATE).await
}

async fn gone_within(driver: &WebDriver, path: &str, patience: Duration) -> Result<()> {
    let none = async || Ok(driver.find_all(By::XPath(path)).await?.is_empty());
    until(&format!("the end of {path}"), patience, none).await
}

/// Waits for an element and presses it; what is replaced or covered under the finger is pressed again, for a while.
pub async fn press(driver: &WebDriver, path: &str) -> Result<()> {
    press_within(driver, path, PATIENCE).await
}

/// The same for what can be pressed once work has ended.
pub async fn press_late(driver: &WebDriver, path: &str) -> Result<()> {
    press_within(driver, path, LATE).await
}

async fn press_within(driver: &WebDriver, path: &str, patience: Duration) -> Result<()> {
    seen_within(driver, path, patience).await.with_context(|| format!("press {path}"))?;
    let mut last = None;
    let pressed = until(path, CLICK, async || {
        let Some(element) = shown(driver, path).await else { return Ok(false) };
        // WebKit's driver does not scroll to what it is asked to press.
        let _ = element.scroll_into_view().await;
        last = element.click().await.err();
        Ok(last.is_none())
    });
    pressed.await.with_context(|| format!("press {path}: {last:?}"))
}

/// A field of the open dialog, by its label.
pub fn field(label: &str) -> String {
    format!("//dialog[@open]//label[span[normalize-space(.)='{label}']]//*[self::input or self::textarea]")
}

/// Types over what stands there.
pub async fn fill(driver: &WebDriver, path: &str, text: &str) -> Result<()> {
    let field = seen(driver, path).await?;
    field.send_keys(Key::Control + "a").await?;
    if text.is_empty() {
        field.send_keys(Key::Delete + "").await?;
    } else {
        field.send_keys(text).await?;
    }
    let now = field.prop("value").await?.unwrap_or_default();
    ensure!(now == text, "{path} holds {now}");
    Ok(())
}

/// Chooses in a select of the open dialog, by a part of what the choice reads.
pub async fn choose(driver: &WebDriver, label: &str, part: &str) -> Result<()> {
    let path =
        format!("//dialog[@open]//label[span[normalize-space(.)='{label}']]//select/option[contains(., '{part}')]");
    seen(driver, &path).await.with_context(|| format!("{label} does not offer {part}"))?.click().await?;
    Ok(())
}
