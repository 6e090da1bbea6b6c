//! Installers.

use anyhow::{Result, bail};

pub(crate) fn dist() -> Result<()> {
    bail!("Installers are not built yet.")
}
