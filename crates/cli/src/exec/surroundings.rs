//! What a command's run keeps of its surroundings: the environment with secrets masked, and the
//! state of the code.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use api::run::Code;
use tokio::process::Command;

/// A variable whose name has one of these holds a secret.
const SECRET_WORDS: [&str; 12] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "KEY",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
    "SESSION",
    "PRIVATE",
    "_PW",
];
const MASK: &str = "•••";

/// The environment as it may be kept.
pub(super) fn masked(variables: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    variables
        .map(|(name, value)| {
            let (name, value) = (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned());
            let upper = name.to_uppercase();
            let secret = SECRET_WORDS.iter().any(|word| upper.contains(word));
            let value = if secret && !value.is_empty() { MASK.to_owned() } else { without_password(&value) };
            (name, value)
        })
        .collect()
}

/// `https://user:password@host` without its password.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
        Some((user, password)) => format!("{scheme}://{user}:{MASK}{}", &rest[user.len() + 1 + password.len()..]),
        None => value.to_owned(),
    }
}

/// The commit, branch and dirty state of the folder's repository; `None` where there is none or no `git`.
pub(super) async fn code(folder: &Path) -> Option<Code> {
    let commit = git(folder, &["rev-parse", "HEAD"]).await?;
    let branch = git(folder, &["symbolic-ref", "--short", "-q", "HEAD"]).await.filter(|branch| !branch.is_empty());
    let dirty = git(folder, &["status", "--porcelain"]).await.is_some_and(|changes| !changes.is_empty());
    Some(Code { commit, branch, dirty })
}

async fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    // Without optional locks: reading the state must not get in the way of the user's own git.
    let output =
        Command::new("git").arg("--no-optional-locks").args(arguments).current_dir(folder).output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_by_name_and_in_addresses() {
        let kept = masked(
            [
                ("AWS_SECRET_ACCESS_KEY", "abc"),
                ("github_token", "abc"),
                ("HOME", "/home/me"),
                ("HTTPS_PROXY", "http://me:secret@proxy:3128/x"),
                ("EMPTY_TOKEN", ""),
            ]
            .into_iter()
            .map(|(name, value)| (name.into(), value.into())),
        );
        assert_eq!(kept["AWS_SECRET_ACCESS_KEY"], MASK);
        assert_eq!(kept["github_token"], MASK);
        assert_eq!(kept["HOME"], "/home/me");
        assert_eq!(kept["HTTPS_PROXY"], "http://me:•••@proxy:3128/x");
        assert_eq!(kept["EMPTY_TOKEN"], "");
    }
}
