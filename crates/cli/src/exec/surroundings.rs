//! What a command's run keeps of its surroundings: the environment with secrets masked, and the
//! state of the code.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use api::run::Code;
use tokio::process::Command;

/// A variable holds a secret where a part of its name, between underscores, ends in one of these …
const SECRET_ENDS: [&str; 13] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "KEY",
    "CRED",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
    "BEARER",
    "WEBHOOK",
];
/// … or is one of these.
const SECRET_PARTS: [&str; 13] = [
    "PW",
    "PAT",
    "JWT",
    "DSN",
    "CONN",
    "PIN",
    "SAS",
    "KEYS",
    "CREDS",
    "CREDENTIALS",
    "SESSION",
    "PRIVATE",
    "AUTHORIZATION",
];
/// What the values of usual secrets begin with: GitHub, GitLab, OpenAI and Stripe, Slack, AWS, Hugging Face, a JWT.
const SECRET_STARTS: [&str; 14] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk_live_",
    "rk_live_",
    "xox",
    "AKIA",
    "ASIA",
    "hf_",
    "eyJ",
];
/// What stands before a secret within a connection string.
const SECRET_FIELDS: [&str; 4] = ["accountkey=", "sharedaccesskey=", "password=", "pwd="];
const MASK: &str = "•••";

fn is_secret_part(part: &str) -> bool {
    let upper = part.trim_end_matches(|digit: char| digit.is_ascii_digit()).to_uppercase();
    SECRET_PARTS.contains(&upper.as_str()) || SECRET_ENDS.iter().any(|end| upper.ends_with(end))
}

/// Whether a variable of this name holds a secret; a desktop's session is none.
fn is_secret_name(name: &str) -> bool {
    !name.starts_with("XDG_") && name != "DESKTOP_SESSION" && name.split(['_', '-', '.']).any(is_secret_part)
}

/// Whether an option names a secret: `--api-key` does, `--key-column` and `--max-tokens` don't.
fn is_secret_option(option: &str) -> bool {
    option.starts_with('-') && option.rsplit(['_', '-', '.']).next().is_some_and(is_secret_part)
}

/// Whether a value looks like a secret, whatever it is called.
fn is_secret_value(value: &str) -> bool {
    let lower = value.to_lowercase();
    (value.len() >= 16 && SECRET_STARTS.iter().any(|start| value.starts_with(start)))
        || SECRET_FIELDS.iter().any(|field| lower.contains(field))
}

/// A command's words as they may be kept: the values of options that name a secret are masked.
pub(super) fn masked_command(words: &[String]) -> Vec<String> {
    let mut hides = false;
    words
        .iter()
        .map(|word| {
            let hidden = std::mem::take(&mut hides);
            if hidden && !word.starts_with('-') {
                return MASK.to_owned();
            }
            match word.split_once('=') {
                Some((name, _)) if is_secret_option(name) || is_secret_name(name) => format!("{name}={MASK}"),
                Some((name, value)) if is_secret_value(value) => format!("{name}={MASK}"),
                _ if is_secret_option(word) => {
                    hides = true;
                    word.clone()
                }
                _ if is_secret_value(word) => MASK.to_owned(),
                _ => without_password(word),
            }
        })
        .collect()
}

/// The environment as it may be kept.
pub(super) fn masked(variables: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    variables
        .map(|(name, value)| {
            let (name, value) = (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned());
            let secret = is_secret_name(&name) || is_secret_value(&value);
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

    #[test]
    fn secrets_of_other_names_and_those_among_the_words_of_a_command_are_masked() {
        let names = ["GH_PAT", "PGPASS", "SSHPASS", "MY_CRED", "JWT", "BEARER", "SLACK_WEBHOOK", "AZURE_CONN", "DB_PW"];
        assert!(names.iter().all(|name| is_secret_name(name)));
        let harmless =
            ["PATH", "PATTERN", "PWD", "CONNECTIONS", "SPIN", "LANG", "TOKENIZERS_PARALLELISM", "XDG_SESSION_ID"];
        let taken: Vec<&&str> = harmless.iter().filter(|name| is_secret_name(name)).collect();
        assert!(taken.is_empty(), "{taken:?}");
        assert!(is_secret_value("sk_live_0123456789abcdef") && is_secret_value("A=1;AccountKey=abc=="));
        assert!(!is_secret_value("sk-learn") && !is_secret_value("eyJoy"));

        let words =
            ["train.py", "--password", "x", "--api-key=y", "--lr", "0.1", "https://u:z@h/", "LR=0.1", "--keyless"];
        let kept = masked_command(&words.map(str::to_owned));
        let expected =
            ["train.py", "--password", MASK, "--api-key=•••", "--lr", "0.1", "https://u:•••@h/", "LR=0.1", "--keyless"];
        assert_eq!(kept, expected);
    }
}
