//! A person's clicks: the real window by WebDriver, and headless Chromium against the host.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use thirtyfour::{By, Capabilities, WebDriver, WebElement};

use crate::{
    display::Display,
    host,
    process::{Running, free_port, skipped_without, wait_until},
};

/// Longer than a training on a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(180);

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
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("goog:chromeOptions".to_owned(), json!({"args": arguments, "binary": "/usr/bin/chromium"}));
    capabilities.insert("goog:loggingPrefs".to_owned(), json!({"browser": "ALL"}));
    let driver = connect(port, capabilities).await?;
    Ok(Browser { driver, port, _server: server, display: None })
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

/// Leaves a picture behind where a journey fails, and closes the browser either way.
pub async fn told(browser: &Browser, name: &str, result: Result<()>) -> Result<()> {
    if result.is_err() {
        let picture = std::env::temp_dir().join(format!("slipway-{name}-failed.png"));
        let _ = browser.driver.screenshot(&picture).await;
        println!("what was seen last: {}", picture.display());
    }
    let _ = browser.driver.clone().quit().await;
    result
}

/// Waits for an element that can be seen.
pub async fn seen(driver: &WebDriver, path: &str) -> Result<WebElement> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        for element in driver.find_all(By::XPath(path)).await.unwrap_or_default() {
            if element.is_displayed().await.unwrap_or(false) && element.is_enabled().await.unwrap_or(false) {
                return Ok(element);
            }
        }
        ensure!(tokio::time::Instant::now() < until, "waited {} s for {path}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Presses what is there; what is replaced under the finger is pressed again.
pub async fn press(driver: &WebDriver, path: &str) -> Result<()> {
    let mut last = None;
    for _ in 0..20 {
        let element = seen(driver, path).await?;
        // WebKit's driver does not scroll to what it is asked to press.
        let _ = element.scroll_into_view().await;
        match element.click().await {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    Err(last.map_or_else(|| anyhow::anyhow!("{path} can't be pressed"), Into::into))
}
