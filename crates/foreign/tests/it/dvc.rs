//! `dvc.yaml` across commits of a real git repository.

use std::{fs, path::Path, process::Command};

use api::run::RunState;
use foreign::{ForeignError, Head, Mark, Reader as _, Told, dvc::Dvc};

use crate::{Read, pairs, read};

fn git(folder: &Path, arguments: &[&str]) {
    let date = "2023-11-14T22:13:20Z";
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    command.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date);
    command.env("GIT_CONFIG_GLOBAL", "").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn commit(folder: &Path, message: &str, files: &[(&str, &str)]) {
    write(folder, files);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
}

fn id_of(folder: &Path, name: &str) -> String {
    let output = Command::new("git").current_dir(folder).args(["rev-parse", name]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn tag<'a>(head: &'a Head, key: &str) -> Option<&'a str> {
    head.tags.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    folder
}

fn read_at(folder: &Path, mark: &Mark) -> Read {
    read(&Dvc::new(folder.join("dvc.yaml")), mark)
}

const YAML: &str = "stages:
  train:
    cmd: python train.py
    params: [lr, model.depth, {other.toml: [seed]}]
    outs: [model.pkl]
    metrics:
    - eval/metrics.json: {cache: false}
params: [all.yaml]
metrics: [top.yaml]
";

#[test]
fn each_commit_of_the_first_parents_is_a_run() {
    let folder = repository();
    let at = folder.path();
    commit(at, "Before", &[("README.md", "x")]);
    let files = [
        ("sub/dvc.yaml", YAML),
        ("sub/params.yaml", "lr: 0.1\nmodel: {depth: 3, unused: 1}\n"),
        ("sub/other.toml", "seed = 7\n"),
        ("sub/all.yaml", "a: {b: true}\n"),
        ("sub/eval/metrics.json", r#"{"acc": 0.5, "loss": {"train": NaN}}"#),
        ("sub/top.yaml", "auc: .inf\nacc: 0.75\n"),
    ];
    commit(at, "First\n\nWith a body.", &files);
    git(at, &["checkout", "-q", "-b", "side"]);
    commit(at, "Aside", &[("sub/eval/metrics.json", r#"{"acc": 0.125}"#)]);
    git(at, &["checkout", "-q", "main"]);
    git(at, &["merge", "-q", "--no-ff", "-m", "Merge", "side"]);
    let at = &at.join("sub");
    let read = read_at(at, &Mark::default());
    assert_eq!(read.warnings(), [""; 0]);
    let [first, aside, merge] = read.heads()[..] else { panic!("{:?}", read.told) };
    assert_eq!((aside.notes.as_deref(), tag(aside, "git.branch")), (Some("Aside"), Some("side")));
    assert_eq!((first.notes.as_deref(), merge.notes.as_deref()), (Some("First\n\nWith a body."), Some("Merge")));
    assert_eq!(
        (first.user.as_deref(), first.state, first.created_ms),
        (Some("Ada"), RunState::Finished, 1_700_000_000_000)
    );
    assert_eq!((first.commit.as_deref(), &*first.group), (Some(&*first.key), "sub"));
    assert_eq!(first.params, pairs(&[("a.b", "true"), ("lr", "0.1"), ("model.depth", "3"), ("seed", "7")]));
    assert_eq!(read.series("acc"), [(0, Some(0.5)), (0, Some(0.125)), (0, Some(0.125))]);
    assert_eq!((read.series("loss.train"), read.series("auc").len()), (vec![(0, None)], 3));
    // Of two files with the same key the second is called after its file.
    assert_eq!(read.series("sub/top.yaml:acc"), [(0, Some(0.75)); 3]);

    assert_eq!(read_at(at, &read.mark).told, []);
    commit(at, "Third", &[("params.yaml", "lr: 0.2\nmodel: {depth: 3}\n")]);
    let read = read_at(at, &read.mark);
    // The branch is no more at the one that was its newest.
    let told: Vec<_> = read.heads().iter().map(|head| (head.notes.as_deref(), tag(head, "git.branch"))).collect();
    assert_eq!(told, [(Some("Merge"), None), (Some("Third"), Some("main"))]);
}

#[test]
fn other_branches_tags_and_experiments_are_read_too() {
    let folder = repository();
    let at = folder.path();
    commit(at, "Base", &[("dvc.yaml", "metrics: [m.json]"), ("m.json", "{\"acc\": 0.5}")]);
    let base = id_of(at, "HEAD");
    git(at, &["tag", "-m", "One", "v1"]);
    git(at, &["tag", "no-commit", "HEAD:m.json"]);
    git(at, &["checkout", "-q", "-b", "side"]);
    commit(at, "Aside", &[("m.json", "{\"acc\": 0.25}")]);
    git(at, &["checkout", "-q", "--detach", "main"]);
    commit(at, "dvc: commit experiment", &[("m.json", "{\"acc\": 0.75}")]);
    let experiments = format!("refs/exps/{}/{}", &base[..2], &base[2..]);
    git(at, &["update-ref", &format!("{experiments}/puffy-daks"), "HEAD"]);
    commit(at, "Queued", &[("m.json", "{\"acc\": 0.125}")]);
    for other in ["stash", "celery/stash", "exec/EXEC_HEAD", "temp/some"] {
        git(at, &["update-ref", &format!("refs/exps/{other}"), "HEAD"]);
    }
    git(at, &["checkout", "-q", "main"]);
    git(at, &["pack-refs", "--all"]);
    let read = read_at(at, &Mark::default());
    assert_eq!((read.heads().len(), read.warnings()), (3, Vec::new()), "{:?}", read.told);
    let first = read.head(&base[..7]);
    assert_eq!((tag(first, "git.branch"), tag(first, "git.tag")), (Some("main"), Some("v1")));
    let side = read.head(&id_of(at, "side")[..7]);
    assert_eq!((side.notes.as_deref(), tag(side, "git.branch")), (Some("Aside"), Some("side")));
    let tried = read.head("puffy-daks");
    assert_eq!(
        (tag(tried, "dvc.baseline"), &tried.key),
        (Some(&base[..7]), &id_of(at, &format!("{experiments}/puffy-daks")))
    );

    assert_eq!(read_at(at, &read.mark).told, []);
    // One that is tried later, and a branch that goes on from it.
    git(at, &["update-ref", &format!("{experiments}/sleek-moth"), "refs/exps/stash"]);
    git(at, &["checkout", "-q", "-b", "next", "refs/exps/stash"]);
    commit(at, "Next", &[("m.json", "{\"acc\": 1}")]);
    let read = read_at(at, &read.mark);
    let names: Vec<_> = read.heads().iter().map(|head| head.name.clone()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(tag(read.head("sleek-moth"), "dvc.baseline"), Some(&base[..7]));
    assert_eq!(tag(read.head(&id_of(at, "next")[..7]), "git.branch"), Some("next"));
}

#[test]
fn commits_of_an_earlier_mark_stay_the_runs_that_they_were() {
    let folder = repository();
    let at = folder.path();
    commit(at, "First", &[("dvc.yaml", "metrics: [m.json]"), ("m.json", "{\"acc\": 0.5}")]);
    commit(at, "Second", &[("m.json", "{\"acc\": 0.75}")]);
    let ids = [id_of(at, "HEAD~1"), id_of(at, "HEAD")];
    let read = read_at(at, &Mark(serde_json::json!({"commits": ids})));
    let [second] = read.heads()[..] else { panic!("{:?}", read.told) };
    assert_eq!((&second.key, tag(second, "git.branch")), (&ids[1], Some("main")));
}

#[test]
fn the_workspace_is_a_run_where_it_is_not_what_is_committed() {
    let folder = repository();
    let at = folder.path();
    let yaml = "stages:\n  train:\n    cmd: x\n    params: [lr]\n    metrics: [{out/m.json: {cache: false}}]\n";
    let lock = "stages: {train: {params: {params.yaml: {lr: 0.1}}}}\n";
    let files =
        [("dvc.yaml", yaml), ("dvc.lock", lock), ("params.yaml", "lr: 0.1\n"), ("out/m.json", "{\"acc\": 0.5}")];
    commit(at, "First", &files);
    let read = read_at(at, &Mark::default());
    assert_eq!(read.heads().len(), 1, "{:?}", read.told);
    // Of what is written anew and says the same nothing is told.
    write(at, &[("params.yaml", "{lr: 0.1}\n")]);
    assert_eq!(read_at(at, &read.mark).told, []);

    write(at, &[("params.yaml", "lr: 0.2\n")]);
    let read = read_at(at, &read.mark);
    let [own] = read.heads()[..] else { panic!("{:?}", read.told) };
    assert_eq!((own.name.as_str(), own.key.as_str(), own.replaces), ("workspace", "workspace", true));
    // What is tried next, which the lock does not say.
    assert_eq!((&own.params, read.series("acc")), (&pairs(&[("lr", "0.2")]), vec![(0, Some(0.5))]));
    assert_eq!((own.commit.as_deref(), tag(own, "mlflow.source.git.dirty")), (Some(&*id_of(at, "HEAD")), Some("true")));
    let named = foreign::dvc::files(&at.join("dvc.yaml"), &read.mark);
    assert!(named.iter().any(|file| file.ends_with("out/m.json")), "{named:?}");
    assert_eq!(read_at(at, &read.mark).told, []);

    write(at, &[("out/m.json", "{\"acc\": 0.")]);
    let read = read_at(at, &read.mark);
    assert!(read.warnings()[0].contains("out/m.json in the workspace"), "{:?}", read.warnings());
    write(at, &[("out/m.json", "{\"acc\": 0.75}")]);
    let read = read_at(at, &read.mark);
    assert_eq!((read.heads().len(), read.series("acc"), read.warnings().len()), (1, vec![(0, Some(0.75))], 0));

    // Committed, it is that commit's, and nothing is left of its own.
    commit(at, "Second", &[]);
    let read = read_at(at, &read.mark);
    let own = read.head("workspace");
    assert_eq!((own.params.len(), tag(own, "mlflow.source.git.dirty")), (0, Some("false")));
    assert!(!read.told.iter().any(|told| matches!(told, Told::Points { run, .. } if run == "workspace")));
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        write(elsewhere.path(), &[("m.json", "{\"acc\": 9}")]);
        fs::remove_dir_all(at.join("out")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), at.join("out")).unwrap();
        let read = read_at(at, &read.mark);
        assert_eq!((read.heads().len(), read.series("acc")), (1, vec![]), "no link is followed");
    }
}

#[test]
fn before_the_first_commit_there_is_the_workspace() {
    let folder = repository();
    write(folder.path(), &[("dvc.yaml", "metrics: [m.json]"), ("m.json", "{\"acc\": 0.5}")]);
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!((read.heads()[0].commit.as_deref(), read.series("acc")), (None, vec![(0, Some(0.5))]));
}

#[test]
fn the_lock_says_what_a_stage_ran_with_and_where_its_metrics_are() {
    let folder = repository();
    let lock = "schema: '2.0'
stages:
  train:
    cmd: python train.py
    params:
      params.yaml: {lr: 0.5, model.depth: 4}
    outs:
    - {path: eval/metrics.json, hash: md5, md5: 0123456789abcdef0123456789abcdef, size: 10}
    - {path: ../../../etc/passwd, md5: ../../../../../../../etc/passwd}
";
    let files = [("dvc.yaml", YAML), ("dvc.lock", lock), ("params.yaml", "lr: 0.1\nmodel: {depth: 3}\n")];
    commit(folder.path(), "First", &files);
    let none = read_at(folder.path(), &Mark::default());
    assert_eq!(none.series("acc"), []);
    assert!(none.warnings().iter().any(|said| said.contains("`dvc fetch` brings them")), "{:?}", none.warnings());
    // By DVC 2, in a folder that its config names, and by DVC 3.
    let (below, value) = ("01/23456789abcdef0123456789abcdef", r#"{"acc": 0.5}"#);
    write(folder.path(), &[(".dvc/config", "[core]\n    dir = no\n['cache']\n    dir = ../store\n")]);
    for cache in [".dvc/cache", "store", "store/files/md5", ".dvc/cache/files/md5"] {
        let file = format!("{cache}/{below}");
        write(folder.path(), &[(&file, value)]);
        let read = read_at(folder.path(), &Mark::default());
        assert_eq!(read.series("acc"), [(0, Some(0.5))], "{cache}");
        fs::remove_file(folder.path().join(file)).unwrap();
    }
    write(folder.path(), &[(".dvc/cache/files/md5/01/23456789abcdef0123456789abcdef", value)]);
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.heads()[0].params, pairs(&[("lr", "0.5"), ("model.depth", "4")]));
    assert_eq!(read.series("acc"), [(0, Some(0.5))]);
}

#[test]
fn what_cant_be_read_is_said_once_with_its_commit() {
    let folder = repository();
    let yaml = "stages:
  train:
    foreach: [a, b]
    do: {cmd: x, params: [config.py: [lr]], metrics: ['${items}.json', junk.json, missing.json]}
metrics: 7
";
    commit(folder.path(), "First", &[("dvc.yaml", yaml), ("junk.json", "{\"acc\": 0."), ("dvc.lock", "stages: [")]);
    commit(folder.path(), "Second", &[("README.md", "x")]);
    commit(folder.path(), "Third", &[("dvc.yaml", "\u{1}: [")]);
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.heads().len(), 2);
    let warnings = read.warnings().join("\n");
    for said in [
        "junk.json in commit",
        "dvc.lock in commit",
        "${items}.json was left out: nothing is called items",
        "dvc.yaml in commit",
    ] {
        assert!(warnings.contains(said), "{said} is not in\n{warnings}");
    }
    assert_eq!(read.warnings().len(), 4, "{warnings}");
}

#[test]
fn templates_stand_for_the_paths_that_they_name() {
    let folder = repository();
    let yaml = "vars:
- eval: {out: scores}
- extra.json:where
stages:
  each:
    foreach: ${models}
    do:
      cmd: python train.py ${item.name}
      wdir: work/${item.name}
      params: [depth, '../../${where.params}': ['${key}.lr']]
      metrics: ['${eval.out}/${key}.json']
  grid:
    matrix: {size: '${sizes}', kind: [x, y]}
    cmd: python grid.py
    metrics: ['grid/${item.size}-${item.kind}.json']
    params: [config.py: [Model.width], setup.toml: ['train.rate']]
  own:
    vars: [{eval: {out: other}}]
    cmd: x
    metrics: ['${eval.out}.json']
";
    let lock = "stages:
  each@a: {params: {params.yaml: {depth: 9}}}
";
    commit(
        folder.path(),
        "First",
        &[
            ("dvc.yaml", yaml),
            ("dvc.lock", lock),
            ("extra.json", r#"{"where": {"params": "hyper.toml"}, "eval": {"out": "hidden"}}"#),
            (
                "hyper.toml",
                "[a]
lr = 0.1
[b]
lr = 0.2
",
            ),
            (
                "setup.toml",
                "[train]
rate = 0.5
other = 1
",
            ),
            (
                "params.yaml",
                "models: {a: {name: first}, b: {name: second}}
sizes: [1, 2]
",
            ),
            (
                "work/first/params.yaml",
                "depth: 3
",
            ),
            (
                "work/second/params.yaml",
                "depth: 4
",
            ),
            ("work/first/scores/a.json", r#"{"acc_a": 0.5}"#),
            ("work/second/scores/b.json", r#"{"acc_b": 0.25}"#),
            ("grid/1-x.json", r#"{"one": 1}"#),
            ("grid/2-y.json", r#"{"two": 2}"#),
            (
                "config.py",
                "import torch
class Model:
    width = 64
    depth = torch.tensor(3)
",
            ),
            ("other.json", r#"{"own": 3}"#),
        ],
    );
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.warnings(), [""; 0]);
    for (key, value) in [("acc_a", 0.5), ("acc_b", 0.25), ("one", 1.0), ("two", 2.0), ("own", 3.0)] {
        assert_eq!(read.series(key), [(0, Some(value))], "{key}");
    }
    let expect = [
        ("Model.width", "64"),
        ("a.lr", "0.1"),
        ("b.lr", "0.2"),
        // What the lock says that the first ran with, and the second's own.
        ("depth", "9"),
        // What the templates used.
        ("models.a.name", "first"),
        ("models.b.name", "second"),
        ("train.rate", "0.5"),
        ("where.params", "hyper.toml"),
        ("work/second/params.yaml:depth", "4"),
    ];
    assert_eq!(read.heads()[0].params, pairs(&expect));
}

#[test]
fn templates_mean_what_they_mean_to_dvc() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dvc");
    let folder = repository();
    copy(&fixtures.join("project"), folder.path());
    commit(folder.path(), "First", &[]);
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.warnings(), [""; 0]);
    let text = fs::read_to_string(fixtures.join("read.json")).unwrap();
    // Python's words for what is not finite.
    let text = text.replace(": NaN", ": \"NaN\"").replace(": Infinity", ": \"inf\"");
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let files = |kind: &str| expected[kind].as_object().unwrap().clone();

    let params = &read.heads()[0].params;
    let mut unexplained: Vec<_> = params.iter().map(|(key, _)| key.as_str()).collect();
    for (file, values) in files("params").into_iter().chain(files("used")) {
        for (key, expected) in leaves(&values) {
            let named = [key.clone(), format!("{file}:{key}")];
            let is = |(known, value): &&(String, String)| {
                named.contains(known)
                    && serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::from(value.as_str()))
                        == expected
            };
            let found = params.iter().find(is);
            let (known, _) = found.unwrap_or_else(|| panic!("{file}: {key} is not {expected} in {params:#?}"));
            unexplained.retain(|key| key != known);
        }
    }
    // What stands in a file of params that the top of `dvc.yaml` names as a whole: DVC shows it, but not as a stage's.
    assert_eq!(unexplained, ["test.n", "train.steps"]);

    for (file, values) in files("metrics") {
        for (key, expected) in leaves(&values) {
            let expected = match expected.as_str() {
                Some("best") => continue,
                Some(word) => word.parse().unwrap(),
                None => expected.as_f64().unwrap(),
            };
            let same = |(_, value): &(i64, Option<f64>)| {
                value.map_or(expected.is_nan(), |value| value.total_cmp(&expected).is_eq())
            };
            let found = [key.clone(), format!("{file}:{key}")];
            let found = found.iter().any(|key| read.series(key).iter().any(same));
            assert!(found, "{file}: {key} is not {expected}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Whatever is no map, under the keys that lead to it.
fn leaves(value: &serde_json::Value) -> Vec<(String, serde_json::Value)> {
    let Some(entries) = value.as_object() else { return vec![(String::new(), value.clone())] };
    let below = |(key, value): (&String, &serde_json::Value)| {
        let key = key.clone();
        leaves(value)
            .into_iter()
            .map(move |(more, value)| (if more.is_empty() { key.clone() } else { format!("{key}.{more}") }, value))
    };
    entries.iter().flat_map(below).collect()
}

/// A history of so many commits, each named by its number from 1 on.
fn long_history(folder: &Path, commits: usize) {
    use std::io::Write as _;

    let data = |text: &str| format!("data {}\n{text}\n", text.len());
    let mut stream = String::new();
    for commit in 1..=commits {
        stream += "commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\n";
        stream += &data(&commit.to_string());
        if commit == 1 {
            stream += &format!("M 100644 inline dvc.yaml\n{}", data("metrics: [metrics.json]"));
        }
        let metrics = format!("{{\"number\": {commit}}}");
        stream += &format!("M 100644 inline metrics.json\n{}", data(&metrics));
    }
    let mut import = Command::new("git");
    import.current_dir(folder).args(["fast-import", "--quiet"]).stdin(std::process::Stdio::piped());
    let mut import = import.spawn().unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
}

/// Reads a project of one commit, which takes little time and memory, and gives what was told.
fn check_small(files: &[(&str, &str)]) -> Read {
    let folder = repository();
    commit(folder.path(), "Many", files);
    let began = std::time::Instant::now();
    let read = read_at(folder.path(), &Mark::default());
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        assert!(most.unwrap().trim().parse::<u64>().unwrap() < 1 << 20, "{most:?} kB");
    }
    read
}

#[test]
fn many_stages_share_the_values_that_they_see() {
    use std::fmt::Write as _;

    let mut params = "items:\n".to_owned();
    (0..10_000).for_each(|at| writeln!(params, "  - {{name: item-{at}}}").unwrap());
    let yaml = "stages:\n  s:\n    foreach: ${items}\n    do:\n      cmd: x ${item.name}\n";
    let read = check_small(&[("params.yaml", &params), ("dvc.yaml", yaml)]);
    assert_eq!(read.warnings(), [""; 0]);
    let [run] = read.heads()[..] else { panic!("{:?}", read.warnings()) };
    assert_eq!(run.params.len(), 10_000);
}

#[test]
fn one_file_named_hundreds_of_times_takes_no_minutes() {
    let params: String = (0..60_000).map(|at| format!("k{at}: {at}\n")).collect();
    let vars = vec!["many.yaml"; 300].join(", ");
    let stages: String = (0..100).map(|at| format!("  s{at}: {{cmd: \"${{nothing}} ${{k{at}}}\"}}\n")).collect();
    let yaml = format!("vars: [{vars}]\nstages:\n{stages}");
    let read = check_small(&[("many.yaml", &params), ("dvc.yaml", &yaml)]);
    let [run] = read.heads()[..] else { panic!("{:?}", read.warnings()) };
    assert_eq!(run.params.len(), 100);
}

#[test]
fn what_takes_too_long_is_said() {
    let text = "x".repeat(60_000);
    let items = vec!["1"; 9_000].join(", ");
    let stages = "stages:\n  s:\n    foreach: ${items}\n    do: {cmd: x, wdir: \"${text}\"}\n  t: {cmd: x}\n";
    let read = check_small(&[("params.yaml", &format!("text: {text}\nitems: [{items}]\n")), ("dvc.yaml", stages)]);
    let warnings = read.warnings().join("\n");
    assert!(warnings.contains("what comes behind the stage s was left out"), "{warnings:.500}");
    assert!(warnings.contains("more than 20000000 steps"), "{warnings:.500}");
}

#[test]
fn the_newest_thousand_commits_are_read() {
    let folder = repository();
    long_history(folder.path(), 1005);
    fs::write(folder.path().join("dvc.yaml"), "").unwrap();
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.heads().len(), 1000);
    let warnings = read.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the newest 1000 commits are read"), "{warnings:?}");
    // It is said once.
    assert_eq!(read_at(folder.path(), &read.mark).told, []);
    let numbers: Vec<_> = read.series("number").iter().filter_map(|(_, value)| *value).collect();
    assert_eq!((numbers.len(), numbers[0], numbers[999]), (1000, 6.0, 1005.0));
}

#[test]
fn a_damaged_history_is_told_up_to_its_damage() {
    let folder = repository();
    for message in ["First", "Second", "Third"] {
        commit(
            folder.path(),
            message,
            &[("dvc.yaml", "metrics: [m.json]"), ("m.json", &format!("{{\"{message}\": 1}}"))],
        );
    }
    let id = id_of(folder.path(), "HEAD~1");
    let object = folder.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(&object).unwrap();
    for junk in [None, Some(&b"\x78\x9c\xff\xff"[..]), Some(b"")] {
        if let Some(junk) = junk {
            fs::write(&object, junk).unwrap();
        }
        let read = read_at(folder.path(), &Mark::default());
        assert_eq!(read.heads().len(), 1);
        assert!(read.warnings()[0].contains(&id), "{:?}", read.warnings());
        assert_eq!(read_at(folder.path(), &read.mark).told, []);
    }
}

#[test]
fn a_folder_without_git_is_an_error_and_one_without_commits_is_empty() {
    let folder = repository();
    write(folder.path(), &[("dvc.yaml", YAML)]);
    assert_eq!(read_at(folder.path(), &Mark::default()).told, []);
    fs::remove_dir_all(folder.path().join(".git")).unwrap();
    let error = Dvc::new(folder.path().join("dvc.yaml")).read(&Mark::default(), &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, ForeignError::NotOne { .. }), "{error}");
    // A repository whose head names nothing.
    git(folder.path(), &["init", "-q"]);
    fs::write(folder.path().join(".git/HEAD"), "nonsense").unwrap();
    assert!(Dvc::new(folder.path().join("dvc.yaml")).read(&Mark::default(), &mut |_| Ok(())).is_err());
}
