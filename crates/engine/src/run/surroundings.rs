//! What a command's run keeps of its words and its environment: all but the secrets in them.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

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
/// What stands before a secret in a header's value, whatever the header.
const SCHEMES: [&str; 2] = ["bearer ", "basic "];
/// Programs that take a password right after `-p`.
const PASSWORD_AFTER_P: [&str; 3] = ["mysql", "mariadb", "sshpass"];
/// Options whose value is `user:password`.
const USER_OPTIONS: [&str; 4] = ["-u", "--user", "-U", "--proxy-user"];
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

/// Whether a part of a word was a secret, which nobody kept.
pub(crate) fn is_masked(word: &str) -> bool {
    word.contains(MASK)
}

/// A command's words as they may be kept: the values of options and headers that name a secret are masked.
pub fn masked_command(words: &[String]) -> Vec<String> {
    let takes_password_after_p = words.first().is_some_and(|program| {
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
        PASSWORD_AFTER_P.iter().any(|start| name.starts_with(start))
    });
    let (mut hides, mut is_user) = (false, false);
    words
        .iter()
        .map(|word| {
            let (hidden, is_user) = (std::mem::take(&mut hides), std::mem::replace(&mut is_user, is_user_option(word)));
            if hidden && !word.starts_with('-') {
                return MASK.to_owned();
            }
            if takes_password_after_p && word.len() > 2 && word.starts_with("-p") {
                return format!("-p{MASK}");
            }
            if is_user && let Some(user) = user_with_password(word) {
                return format!("{user}:{MASK}");
            }
            match word.split_once('=') {
                Some((name, _)) if is_secret_option(name) || is_secret_name(name) => format!("{name}={MASK}"),
                Some((name, value)) if is_secret_value(value) => format!("{name}={MASK}"),
                _ if is_secret_option(word) => {
                    hides = true;
                    word.clone()
                }
                _ if is_secret_value(word) => MASK.to_owned(),
                _ => without_headers(&without_password(word)),
            }
        })
        .collect()
}

/// The environment as it may be kept.
pub fn masked(variables: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    variables
        .map(|(name, value)| {
            let (name, value) = (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned());
            let secret = is_secret_name(&name) || is_secret_value(&value);
            let value =
                if secret && !value.is_empty() { MASK.to_owned() } else { without_headers(&without_password(&value)) };
            (name, value)
        })
        .collect()
}

/// Each `https://user:password@host` without its password; a script may have several.
pub(crate) fn without_password(value: &str) -> String {
    let mut kept = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("://") {
        kept.push_str(before);
        kept.push_str("://");
        let authority = after.split(['/', '?', '#']).next().unwrap_or(after);
        rest = after;
        if let Some((user, password)) = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
            kept.push_str(user);
            kept.push(':');
            kept.push_str(MASK);
            rest = &after[user.len() + 1 + password.len()..];
        }
    }
    kept.push_str(rest);
    kept
}

fn is_user_option(word: &str) -> bool {
    USER_OPTIONS.contains(&word)
}

/// The user of `user:password`; a user's and a group's numbers are none.
fn user_with_password(value: &str) -> Option<&str> {
    let (user, password) = value.split_once(':')?;
    let is_number = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let is_address = password.starts_with("//");
    let are_numbers = is_number(user) && is_number(password);
    (!password.is_empty() && !is_address && !are_numbers).then_some(user)
}

/// A text without the secrets of the headers in it (`Authorization: Bearer x`, `X-Api-Key: x`), which may stand
/// within a script. A header's value ends at a quote or the line's end.
fn without_headers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon + 1);
        kept.push_str(&without_schemes(before));
        let name = before[..colon].rsplit(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')).next();
        let is_whole = kept.len() == before.len() && name.is_some_and(|name| name.len() == colon);
        let value = after.trim_start_matches(' ');
        let end = value.find(['"', '\'', '\n', '\r']).unwrap_or(value.len());
        rest = after;
        if end > 0 && !value.starts_with('/') && name.is_some_and(|name| is_secret_header(name, is_whole)) {
            kept.push_str(&after[..after.len() - value.len()]);
            kept.push_str(MASK);
            rest = &value[end..];
        }
    }
    kept.push_str(&without_schemes(rest));
    kept
}

/// Whether a header names a secret. Within a script a bare `key:` or `pass:` is more likely none.
fn is_secret_header(name: &str, is_whole: bool) -> bool {
    let last = name.rsplit(['-', '_']).next().unwrap_or(name);
    is_secret_part(last)
        && (is_whole
            || last.len() < name.len()
            || ["authorization", "cookie"].iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// A text without what follows `Bearer` or `Basic`, where it is long enough for a secret and no plain word.
fn without_schemes(text: &str) -> String {
    let mut text = text.to_owned();
    for scheme in SCHEMES {
        let mut from = 0;
        while let Some(found) = text[from..].to_ascii_lowercase().find(scheme) {
            let begin = from + found + scheme.len();
            let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '/' | '=');
            let end = text[begin..].find(|c| !is_word(c)).map_or(text.len(), |length| begin + length);
            from = begin;
            let is_plain = text[begin..end].chars().all(|c| c.is_ascii_lowercase());
            if end - begin >= 8 && !is_plain {
                text.replace_range(begin..end, MASK);
            }
        }
    }
    text
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
        let harmless = [
            "PATH",
            "PATTERN",
            "PWD",
            "CONNECTIONS",
            "SPIN",
            "LANG",
            "TOKENIZERS_PARALLELISM",
            "XDG_SESSION_ID",
            "KEYBOARD_LAYOUT",
            "GIT_AUTHOR_NAME",
        ];
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

    #[test]
    fn the_token_in_the_address_for_mlflows_clients_is_masked() {
        let address = "http://slipway:0123abcd@127.0.0.1:5577";
        let masked_address = "http://slipway:•••@127.0.0.1:5577";
        let kept = masked([("MLFLOW_TRACKING_URI".into(), address.into())].into_iter());
        assert_eq!(kept["MLFLOW_TRACKING_URI"], masked_address);
        let words = [
            format!("--uri={address}"),
            format!("MLFLOW_TRACKING_URI={address}"),
            format!("curl http://h/a me@h; MLFLOW_TRACKING_URI=\"{address}\" python train.py"),
        ];
        let expect = words.clone().map(|word| word.replace(address, masked_address));
        assert_eq!(masked_command(&words), expect);
    }

    #[test]
    fn secrets_in_headers_and_behind_short_options_are_masked() {
        let kept = |words: &[&str]| masked_command(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let check = |word: &str, expect: &str| assert_eq!(kept(&["run", word])[1], expect, "{word}");
        check("Authorization: Bearer abcdefgh1", "Authorization: •••");
        check("X-Api-Key: SECRET vvv", "X-Api-Key: •••");
        check("token:abc", "token:•••");
        check("cookie: a=b; c=d", "cookie: •••");
        check("--header=Authorization: Basic dXNlcjpwYXNz", "--header=Authorization: •••");
        check(
            r#"curl -H "Authorization: Bearer abc" -H 'PRIVATE-TOKEN: xyz' https://h:80/a && echo done: 1"#,
            r#"curl -H "Authorization: •••" -H 'PRIVATE-TOKEN: •••' https://h:80/a && echo done: 1"#,
        );
        check("send('Bearer abcdefgh12')", "send('Bearer •••')");
        for harmless in [
            "Accept: text/html",
            "d = {k: v for key: 1}",
            "try: pass: x",
            "basic training",
            "bearer of it",
            "a:b",
            "-p8080:80",
            "é: ü",
            "/opt/api-key:/usr/bin",
            "KEY:",
        ] {
            check(harmless, harmless);
        }
        assert_eq!(kept(&["/usr/bin/mysqldump", "-pSECRET", "-p", "db"]), ["/usr/bin/mysqldump", "-p•••", "-p", "db"]);
        assert_eq!(kept(&["curl", "-u", "me:pass", "--user", "me"]), ["curl", "-u", "me:•••", "--user", "me"]);
        assert_eq!(kept(&["docker", "run", "-u", "1000:1000"])[3], "1000:1000");
        assert_eq!(kept(&["ab", "-u", "https://h:80/"])[2], "https://h:80/");

        let variables = [("CURL_HEADER", "Authorization: Bearer abcdefgh1"), ("PATH", "/opt/key:/usr/bin")];
        let kept = masked(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        assert_eq!(kept["CURL_HEADER"], "Authorization: •••");
        assert_eq!(kept["PATH"], "/opt/key:/usr/bin");
    }
}
