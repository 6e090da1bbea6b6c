//! Which Python packages a program begins with: the interpreter that its command starts is found as the system and
//! Python themselves find it, and its packages are the names of folders beside it. No Python is executed. Where
//! something about the command leaves it open which interpreter that is, nothing is said.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

/// More are not kept of one run.
const MOST: usize = 2_000;
/// A longer name or version is none.
const LONGEST: usize = 128;
/// The interpreter itself, among the packages.
const PYTHON: &str = "python";

/// What the command is started in.
pub(super) struct Surroundings<'v> {
    pub(super) folder: PathBuf,
    pub(super) variable: &'v dyn Fn(&str) -> Option<OsString>,
}

impl Surroundings<'_> {
    /// A variable that is set to something.
    fn get(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// A program as the system finds it.
    fn program(&self, word: &OsStr) -> Option<PathBuf> {
        let named = Path::new(word);
        if named.components().count() > 1 {
            return Some(self.folder.join(named)).filter(|path| path.is_file());
        }
        let path = self.get("PATH")?;
        let ending = if cfg!(windows) && named.extension().is_none() { ".exe" } else { "" };
        let mut file = word.to_owned();
        file.push(ending);
        std::env::split_paths(&path).map(|folder| self.folder.join(folder).join(&file)).find(|path| can_run(path))
    }
}

#[cfg(unix)]
fn can_run(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn can_run(path: &Path) -> bool {
    path.is_file()
}

/// Where a command's packages are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Interpreter(Interpreter),
    /// The environment of a project of `uv`'s, which brings it up to date before the program begins: it is known once
    /// the program is over.
    OfUv(PathBuf),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// As it is called, which decides about its environment.
    path: PathBuf,
    /// The folders that `PYTHONPATH` names.
    before: Vec<PathBuf>,
    /// Where packages of the user's own are, if they count.
    user: Option<PathBuf>,
}

/// What a command starts. Blocks for a few looks at the disk, as everything here.
pub(super) fn find(command: &[String], around: &Surroundings<'_>) -> Option<Found> {
    let (program, arguments) = command.split_first()?;
    if name_of(Path::new(program)) == "uv" {
        return of_uv(arguments, around).map(Found::OfUv);
    }
    let path = around.program(program.as_ref())?;
    if is_python(&path) {
        return interpreter(path, arguments.iter().map(String::as_str), around).map(Found::Interpreter);
    }
    // A script, as `torchrun` is one: its first line names its interpreter.
    let (path, options) = named_by_script(&path, around)?;
    interpreter(path, options.iter().map(String::as_str), around).map(Found::Interpreter)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    match name.strip_suffix(".exe") {
        Some(stem) => stem.to_owned(),
        None => name,
    }
}

/// `python`, `python3`, `python3.12`.
fn is_python(path: &Path) -> bool {
    let name = name_of(path);
    name.strip_prefix("python").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// With what its options leave of the folders that it looks into; `None` where it looks into none.
fn interpreter<'word>(
    path: PathBuf,
    mut words: impl Iterator<Item = &'word str>,
    around: &Surroundings<'_>,
) -> Option<Interpreter> {
    let (mut has_user, mut has_variables) = (around.get("PYTHONNOUSERSITE").is_none(), true);
    while let Some(word) = words.next() {
        let Some(options) = word.strip_prefix('-').filter(|options| !options.is_empty()) else { break };
        if options.starts_with('-') {
            continue;
        }
        // What follows one of these is its value, or the program's.
        let own = options.split(['c', 'm', 'W', 'X']).next().unwrap_or_default();
        if own.contains('S') {
            return None;
        }
        has_user &= !own.contains(['s', 'I']);
        has_variables &= !own.contains(['E', 'I']);
        match &options.as_bytes()[own.len()..] {
            [b'c' | b'm', ..] => break,
            [_] => drop(words.next()),
            _ => {}
        }
    }
    if has_variables && around.get("PYTHONHOME").is_some() {
        return None;
    }
    let before = around.get("PYTHONPATH").filter(|_| has_variables);
    let before = before.iter().flat_map(std::env::split_paths).map(|folder| around.folder.join(folder)).collect();
    let base = around.get("PYTHONUSERBASE").map(PathBuf::from);
    let base = base.or_else(|| around.get("HOME").map(|home| PathBuf::from(home).join(".local")));
    Some(Interpreter { path, before, user: base.filter(|_| has_user) })
}

/// The interpreter of a script and its options, by the script's first line.
fn named_by_script(path: &Path, around: &Surroundings<'_>) -> Option<(PathBuf, Vec<String>)> {
    let mut start = Vec::new();
    fs::File::open(path).ok()?.take(1_024).read_to_end(&mut start).ok()?;
    let start = String::from_utf8_lossy(&start);
    let mut lines = start.strip_prefix("#!")?.lines();
    let first = lines.next()?;
    let mut words = first.split_whitespace();
    let program = Path::new(words.next()?);
    let mut options: Vec<String> = words.map(str::to_owned).collect();
    let named = match name_of(program).as_str() {
        "env" => {
            let [name] = options.as_slice() else { return None };
            let found = around.program(name.as_ref())?;
            options.clear();
            found
        }
        // What pip and uv write where the way to the interpreter is too long for a first line, or has a blank.
        "sh" => {
            let called = lines.next()?.strip_prefix("'''exec' ")?;
            options.clear();
            PathBuf::from(match called.strip_prefix(['"', '\'']) {
                Some(quoted) => quoted.split(['"', '\'']).next()?,
                None => called.split_whitespace().next()?,
            })
        }
        _ => program.to_owned(),
    };
    (is_python(&named) && named.is_file()).then_some((named, options))
}

/// Options of `uv run` after which it still runs in its project's environment; the second with a value.
const UV_PLAIN: [&str; 12] = [
    "--frozen",
    "--locked",
    "--no-sync",
    "--exact",
    "--all-extras",
    "--all-groups",
    "--dev",
    "--no-dev",
    "--offline",
    "-q",
    "--quiet",
    "--no-progress",
];
const UV_VALUED: [&str; 3] = ["--extra", "--group", "--no-group"];
/// Variables that lead `uv` elsewhere.
const UV_ELSEWHERE: [&str; 6] =
    ["UV_ISOLATED", "UV_NO_PROJECT", "UV_PROJECT", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_CONFIG_FILE"];

/// The environment in which `uv run …` runs its program.
fn of_uv(arguments: &[String], around: &Surroundings<'_>) -> Option<PathBuf> {
    if UV_ELSEWHERE.iter().any(|name| around.get(name).is_some()) {
        return None;
    }
    let mut words = arguments.iter().map(String::as_str);
    words.next().filter(|word| *word == "run")?;
    let program = loop {
        let word = words.next()?;
        if word == "-m" || word == "--module" {
            break "python";
        } else if UV_VALUED.contains(&word) {
            words.next()?;
        } else if word != "--" && !UV_PLAIN.contains(&word) {
            break word;
        }
    };
    // Another option, a program from elsewhere, a script that says itself which packages it needs.
    let is_script = Path::new(program).extension().is_some_and(|ending| ending == "py");
    let is_elsewhere = program.starts_with('-') || !is_script && Path::new(program).components().count() > 1;
    if is_elsewhere || is_script && has_own_packages(&around.folder.join(program)) {
        return None;
    }
    let mut projects = around.folder.ancestors().filter(|folder| folder.join("pyproject.toml").is_file());
    let project = projects.next()?;
    // A member of a workspace runs in the environment of that, if it is one.
    let is_workspace = |folder: &Path| {
        fs::read_to_string(folder.join("pyproject.toml")).is_ok_and(|text| text.contains("[tool.uv.workspace]"))
    };
    if projects.any(is_workspace) {
        return None;
    }
    let environment = around.get("UV_PROJECT_ENVIRONMENT").map_or_else(|| PathBuf::from(".venv"), PathBuf::from);
    Some(project.join(environment))
}

/// Whether a script says what it needs (PEP 723), or can't be read.
fn has_own_packages(script: &Path) -> bool {
    fs::read_to_string(script).map_or(true, |text| text.lines().any(|line| line.trim_end() == "# /// script"))
}

/// The packages of an interpreter by their names as PEP 503 writes them, and its own version; `None` where it can't be
/// told where they are. Of several of one name the first counts, as for Python.
pub(super) fn packages(found: &Found) -> Option<BTreeMap<String, String>> {
    let (folders, version) = match found {
        Found::Interpreter(interpreter) => {
            let Places { user, own, version } = places(&interpreter.path)?;
            let of_user = interpreter.user.as_ref().filter(|_| user);
            let of_user = of_user.map(|base| site_of(base, &version));
            (interpreter.before.iter().cloned().chain(of_user).chain(own).collect::<Vec<_>>(), version)
        }
        Found::OfUv(environment) => {
            let name = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
            let Places { own, version, .. } = places(&environment.join(name))?;
            (own, version)
        }
    };
    let mut all = BTreeMap::from([(PYTHON.to_owned(), version)]);
    for folder in folders {
        for (name, version) in in_folder(&folder) {
            if all.len() > MOST {
                return Some(all);
            }
            all.entry(name).or_insert(version);
        }
    }
    Some(all)
}

/// Where an interpreter looks.
struct Places {
    /// Among the user's own packages, too.
    user: bool,
    own: Vec<PathBuf>,
    /// "3.12", or as much more as is known.
    version: String,
}

fn places(python: &Path) -> Option<Places> {
    let bin = python.parent()?;
    let prefix = if cfg!(windows) && !bin.ends_with("Scripts") { bin } else { bin.parent()? };
    let marks = [bin.join("pyvenv.cfg"), prefix.join("pyvenv.cfg")];
    let Some(mark) = marks.iter().find_map(|mark| fs::read_to_string(mark).ok()) else {
        return of_installation(&python.canonicalize().ok()?);
    };
    let value = |key: &str| {
        let lines = mark.lines().filter_map(|line| line.split_once('='));
        lines.map(|(own, value)| (own.trim(), value.trim())).find(|(own, _)| *own == key).map(|(_, value)| value)
    };
    let version = value("version").or_else(|| value("version_info"))?.to_owned();
    let mut own = vec![site_of(prefix, &version)];
    let sees_system = value("include-system-site-packages").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if sees_system {
        own.extend(sites_of_installation(Path::new(value("home")?).parent()?, minor(&version)));
    }
    Some(Places { user: sees_system, own, version })
}

/// Of an interpreter that belongs to no environment.
fn of_installation(python: &Path) -> Option<Places> {
    if cfg!(windows) {
        // Its version stands in no name.
        return None;
    }
    let prefix = python.parent()?.parent()?;
    let name = name_of(python);
    // A shim has a version's name, too, and no library beside it.
    let has_library = |version: &&str| {
        let library = |folder: &str| prefix.join(folder).join(format!("python{version}")).join("os.py").is_file();
        library("lib") || library("lib64")
    };
    let version = name.strip_prefix("python").filter(|version| version.contains('.')).filter(has_library);
    let version = version.map(str::to_owned).or_else(|| only_version(&prefix.join("lib")))?;
    Some(Places { user: true, own: sites_of_installation(prefix, minor(&version)), version })
}

/// The version whose library is the only one in a folder.
fn only_version(folder: &Path) -> Option<String> {
    let names = fs::read_dir(folder).ok()?.flatten().filter(|entry| entry.path().join("os.py").is_file());
    let mut versions = names
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("python")?.to_owned()))
        .collect::<Vec<_>>();
    versions.retain(|version| version.contains('.'));
    if let [only] = versions.as_slice() { Some(only.clone()) } else { None }
}

/// "3.12" of "3.12.4".
fn minor(version: &str) -> &str {
    let end = version.match_indices('.').nth(1).map_or(version.len(), |(at, _)| at);
    &version[..end]
}

fn site_of(prefix: &Path, version: &str) -> PathBuf {
    if cfg!(windows) {
        return prefix.join("Lib").join("site-packages");
    }
    prefix.join("lib").join(format!("python{}", minor(version))).join("site-packages")
}

/// With the folders that Debian and Fedora add.
fn sites_of_installation(prefix: &Path, version: &str) -> Vec<PathBuf> {
    let of =
        |prefix: &Path, library: &str, folder: &str| prefix.join(library).join(format!("python{version}")).join(folder);
    let mut sites = Vec::new();
    if prefix == Path::new("/usr") {
        let local = prefix.join("local");
        sites.extend([of(&local, "lib", "site-packages"), of(&local, "lib", "dist-packages")]);
    }
    sites.extend([of(prefix, "lib", "site-packages"), of(prefix, "lib64", "site-packages")]);
    sites.push(prefix.join("lib/python3/dist-packages"));
    sites
}

/// The packages that a folder's entries name.
fn in_folder(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<_> = entries.filter_map(|entry| named(entry.file_name().to_str()?)).collect();
    all.sort();
    all
}

/// The name and version in `torch-2.4.1.dist-info` and `six-1.16.0-py3.12.egg-info`.
fn named(entry: &str) -> Option<(String, String)> {
    let (name, version) = match entry.strip_suffix(".dist-info") {
        Some(stem) => stem.split_once('-')?,
        None => {
            let (name, version) = entry.strip_suffix(".egg-info")?.split_once('-')?;
            (name, version.split_once("-py").map_or(version, |(version, _)| version))
        }
    };
    // As it stands while pip puts another in its place.
    let is_one = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !version.is_empty();
    (is_one && name.len() <= LONGEST && version.len() <= LONGEST)
        .then(|| (api::run::package_name(name), version.to_owned()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Disk(tempfile::TempDir);

    impl Disk {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fs::write(self.path(name), text).unwrap();
            fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn packages(&self, site: &str, names: &[&str]) {
            names.iter().for_each(|name| fs::create_dir_all(self.path(site).join(name)).unwrap());
        }

        /// An installation of 3.12 in `base`, and an environment of its in `p/.venv`.
        fn filled() -> Self {
            let disk = Self::new();
            disk.write("base/bin/python3.12", "");
            disk.write("base/lib/python3.12/os.py", "");
            symlink("python3.12", disk.path("base/bin/python3")).unwrap();
            disk.packages("base/lib/python3.12/site-packages", &["numpy-1.0.dist-info", "six-1.16.0-py3.12.egg-info"]);
            disk.write("p/train.py", "print(1)\n");
            let mark = format!("home = {}\nversion = 3.12.4\n", disk.path("base/bin").display());
            disk.write("p/.venv/pyvenv.cfg", &mark);
            fs::create_dir_all(disk.path("p/.venv/bin")).unwrap();
            symlink(disk.path("base/bin/python3.12"), disk.path("p/.venv/bin/python")).unwrap();
            let site = "p/.venv/lib/python3.12/site-packages";
            disk.packages(
                site,
                &["numpy-2.1.0.dist-info", "Scikit_learn-1.5.dist-info", "~orch-2.0.dist-info", "torch"],
            );
            disk
        }

        /// What a command in `p` has, with more variables than a `PATH` to the installation's programs.
        fn told(&self, command: &[&str], variables: &[(&str, &Path)]) -> Option<Vec<String>> {
            let path = self.path("base/bin");
            let variable = |name: &str| {
                let given = variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_os_str().into());
                given.or_else(|| (name == "PATH").then(|| path.clone().into()))
            };
            let around = Surroundings { folder: self.path("p"), variable: &variable };
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            let all = packages(&find(&command, &around)?)?;
            Some(all.into_iter().map(|(name, version)| format!("{name} {version}")).collect())
        }
    }

    const IN_VENV: [&str; 3] = ["numpy 2.1.0", "python 3.12.4", "scikit-learn 1.5"];
    const IN_BASE: [&str; 3] = ["numpy 1.0", "python 3.12", "six 1.16.0"];

    fn some(told: Option<Vec<String>>) -> Vec<String> {
        told.expect("the interpreter is known")
    }

    #[test]
    fn an_interpreter_has_the_packages_of_its_environment_or_its_installation() {
        let disk = Disk::filled();
        assert_eq!(some(disk.told(&[".venv/bin/python", "train.py"], &[])), IN_VENV);
        assert_eq!(some(disk.told(&["python3", "-u", "train.py"], &[])), IN_BASE);
        // A script whose first line names it, as `torchrun`, and as pip writes it where the way is long.
        let python = disk.path("p/.venv/bin/python");
        disk.write("base/bin/torchrun", &format!("#!{}\nimport torch\n", python.display()));
        disk.write("base/bin/long", &format!("#!/bin/sh\n'''exec' \"{}\" \"$0\" \"$@\"\n' '''\n", python.display()));
        disk.write("base/bin/by-path", "#!/usr/bin/env python3\n");
        assert_eq!(some(disk.told(&["torchrun", "train.py"], &[])), IN_VENV);
        assert_eq!(some(disk.told(&["long"], &[])), IN_VENV);
        assert_eq!(some(disk.told(&["by-path"], &[])), IN_BASE);
    }

    #[test]
    fn packages_of_the_user_and_of_variables_count_as_they_do_for_python() {
        let disk = Disk::filled();
        disk.packages("home/.local/lib/python3.12/site-packages", &["numpy-1.9.dist-info"]);
        disk.packages("more", &["six-9.dist-info"]);
        let (home, more) = (disk.path("home"), disk.path("more"));
        let around = [("HOME", home.as_path()), ("PYTHONPATH", more.as_path())];
        assert_eq!(some(disk.told(&["python3", "train.py"], &around)), ["numpy 1.9", "python 3.12", "six 9"]);
        assert_eq!(some(disk.told(&["python3", "-I", "train.py"], &around)), IN_BASE);
        assert_eq!(some(disk.told(&["python3", "-Wignore", "-s", "x"], &around[..1])), IN_BASE);
        assert_eq!(some(disk.told(&[".venv/bin/python", "x"], &around[..1])), IN_VENV);
    }

    #[test]
    fn uv_runs_in_its_projects_environment_unless_something_leads_it_elsewhere() {
        let disk = Disk::filled();
        let uv = |words: &[&str]| disk.told(&[&["uv", "run"], words].concat(), &[]);
        assert_eq!(uv(&["train.py"]), None, "no project");
        disk.write("p/pyproject.toml", "[project]\n");
        for words in
            [&["train.py"][..], &["python", "train.py"], &["--frozen", "--extra", "gpu", "-m", "train"], &["pytest"]]
        {
            assert_eq!(some(uv(words)), IN_VENV, "{words:?}");
        }
        disk.write("p/alone.py", "# /// script\n# dependencies = []\n# ///\n");
        for words in
            [&["--with", "rich", "train.py"][..], &["alone.py"], &["/usr/bin/python3", "x"], &["missing.py"], &[]]
        {
            assert_eq!(uv(words), None, "{words:?}");
        }
        disk.write("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"p\"]\n");
        assert_eq!(uv(&["train.py"]), None, "the environment of a workspace may be another");
    }

    #[test]
    fn where_the_interpreter_is_not_known_nothing_is_said() {
        let disk = Disk::filled();
        disk.write("base/bin/run.sh", "#!/bin/sh\npython train.py\n");
        disk.write("other/bin/python", "#!/bin/sh\nexec elsewhere\n");
        disk.write("other/bin/python3.12", "#!/bin/sh\nexec elsewhere\n");
        disk.packages("home/.local/lib/python3.12/site-packages", &["numpy-1.9.dist-info"]);
        let home = disk.path("home");
        let [shim, versioned] =
            ["python", "python3.12"].map(|name| disk.path("other/bin").join(name).to_string_lossy().into_owned());
        for command in [
            &["run.sh"][..],
            &["env", "python3", "x"],
            &["missing"],
            &["python3", "-S", "x"],
            &[&shim, "x"],
            &[&versioned, "x"],
            &[],
        ] {
            assert_eq!(disk.told(command, &[("HOME", home.as_path())]), None, "{command:?}");
        }
        assert_eq!(disk.told(&["python3", "x"], &[("PYTHONHOME", Path::new("/opt"))]), None);
    }
}
