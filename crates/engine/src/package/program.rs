//! The serving program for images: is it one that runs from scratch?

use anyhow::{Context as _, bail};
use api::{ApiError, ErrorCode};

const HINT: &str = "An image from scratch has no libraries: build it with `cargo xtask build`, or take the one of an installed Slipway.";

/// Refuses what would not start in an image from scratch on linux/amd64: another format or machine,
/// or a program that asks for a dynamic loader (`PT_INTERP`).
pub(crate) fn check(bytes: &[u8], path: &std::path::Path) -> anyhow::Result<()> {
    let wrong = |why: &str| ApiError::new(ErrorCode::Unsupported, format!("{} {why}.", path.display())).with_hint(HINT);
    if bytes.len() < 64 || &bytes[..4] != b"\x7fELF" {
        bail!(wrong("is not a Linux program"));
    }
    // 64 bits, little-endian, x86-64.
    if bytes[4] != 2 || bytes[5] != 1 || u16::from_le_bytes([bytes[18], bytes[19]]) != 62 {
        bail!(wrong("is not for amd64"));
    }
    let number = |at: usize, size: usize| -> anyhow::Result<usize> {
        let mut word = [0; 8];
        word[..size].copy_from_slice(bytes.get(at..at + size).context("read the program's headers")?);
        Ok(u64::from_le_bytes(word) as usize)
    };
    let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    const INTERPRETER: usize = 3;
    for index in 0..count {
        if number(start + index * size, 4)? == INTERPRETER {
            bail!(wrong("needs libraries of the system"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_and_a_text_are_refused() {
        let told = |bytes: &[u8]| crate::error::told(&check(bytes, "x".as_ref()).unwrap_err()).message;
        assert!(told(b"#!/bin/sh").contains("not a Linux program"));
        let mut elf = vec![0; 64 + 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[18] = 62;
        elf[32] = 64;
        elf[54] = 56;
        elf[56] = 1;
        elf[64] = 1;
        check(&elf, "x".as_ref()).unwrap();
        elf[64] = 3;
        assert!(told(&elf).contains("needs libraries"));
        elf[18] = 183;
        assert!(told(&elf).contains("not for amd64"));
    }
}
