//! A person's clicks: the real window by WebDriver, and headless Chromium against the host.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::json;
use thirtyfour::{Capabilities, WebDriver};

use crate::process::{Running, free_port, wait_until};

/// A driver with its server, ended with the test.
#[derive(Debug)]
pub struct Browser {
    pub driver: WebDriver,
    port: u16,
    _server: Running,
    _display: Option<Running>,
}

impl Browser {
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
    Ok(Browser { driver, port, _server: server, _display: None })
}

/// The real window under a display of its own. The program is started with `environment`.
pub async fn window(
    program: &Path,
    folder: &Path,
    width: u32,
    height: u32,
    set: impl Fn(&mut Command),
) -> Result<Browser> {
    let screen = format!("{width}x{height}x24");
    let mut xvfb = Command::new("Xvfb");
    // It takes the first free display and prints its number: two tests never meet on one.
    xvfb.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"]);
    let xvfb = Running::start("xvfb", &mut xvfb, folder)?;
    let printed = || std::fs::read_to_string(folder.join("xvfb.log")).unwrap_or_default();
    let number = || printed().lines().find_map(|line| line.trim().parse::<u32>().ok());
    wait_until("the display", Duration::from_secs(20), || number().is_some())?;
    let display = number().context("the display has no number")?;
    let tools = PathBuf::from(std::env::var_os("SLIPWAY_TOOLS").context("SLIPWAY_TOOLS is not set")?);
    let (port, native) = (free_port()?, free_port()?);
    let mut command = Command::new(tools.join("bin/tauri-driver"));
    command.arg(format!("--port={port}")).arg(format!("--native-port={native}")).env("DISPLAY", format!(":{display}"));
    set(&mut command);
    let server = Running::start("tauri-driver", &mut command, folder)?;
    // It answers before the WebKit driver behind it does, and drops what it can't hand on yet.
    listens("the WebKit driver", native)?;
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("wry"));
    capabilities.insert("tauri:options".to_owned(), json!({"application": program}));
    let driver = connect(port, capabilities).await?;
    Ok(Browser { driver, port, _server: server, _display: Some(xvfb) })
}

async fn connect(port: u16, capabilities: Capabilities) -> Result<WebDriver> {
    listens("the driver", port)?;
    WebDriver::new(&format!("http://127.0.0.1:{port}"), capabilities).await.context("open a browser session")
}

fn listens(what: &str, port: u16) -> Result<()> {
    wait_until(what, Duration::from_secs(30), || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
}
