//! `cargo xtask new` and `remove`, in a copy of the project: what `new` writes compiles, its tests pass, and after
//! `remove` the copy is as before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use xtask::checkout::Checkout;
use xtask::mutants::Scratch;

/// What the commands generate from the code, so that nobody edits it.
const GENERATED: [&str; 6] = [
    "Cargo.lock",
    "catalogue/Cargo.toml",
    "docs/messages.json",
    "docs/openapi.json",
    "docs/routes.md",
    "template.yaml",
];

const NEW: [&str; 7] =
    ["new", "endpoint", "zebras-create", "POST /api/v1/zebras/", "--as", "signed-in", "--idempotent"];

type Tree = BTreeMap<PathBuf, Vec<u8>>;

struct Copy {
    folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn xtask(&self, arguments: &[&str]) -> Output {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(arguments).env("CARGO_MANIFEST_DIR", self.folder.join("xtask"));
        self.run(&mut xtask)
    }

    /// Runs tests of the copy, and returns what cargo says.
    fn test(&self, filters: &[&str]) -> String {
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "--package", "app-tests", "--test", "api", "--"]).args(filters);
        let output = self.run(&mut cargo);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// The packages of others come from the checkout's own target folder.
    fn run(&self, command: &mut Command) -> Output {
        command
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "0")
            .output()
            .expect("it runs")
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let inside = path.strip_prefix(&self.folder).expect("a path inside").to_path_buf();
                if inside == Path::new(".local") {
                    continue;
                }
                if path.is_dir() {
                    // A folder that is left over counts as well.
                    tree.insert(inside, Vec::new());
                    folders.push(path);
                } else {
                    tree.insert(inside, fs::read(&path).expect("a file"));
                }
            }
        }
        tree
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

impl Copy {
    fn of(checkout: &Checkout, name: &str) -> Self {
        let folder = checkout.state_dir("generate").expect("a folder").join(name);
        let folder = Scratch::refresh(checkout, folder).expect("a copy").folder;
        let copy = Self { folder, target: checkout.target_dir().expect("cargo's target folder") };
        copy.take_a_version();
        copy
    }

    /// Gives the packages of the copy another version. Cargo would otherwise use the same names in the target
    /// folder as for the checkout's packages, and take one for the other.
    fn take_a_version(&self) {
        for (file, line) in
            [("Cargo.toml", "version = \"0.1.0\""), ("docs/openapi.json", "\"version\": \"0.1.0\"")]
        {
            let path = self.folder.join(file);
            let text = fs::read_to_string(&path).expect("a file");
            assert_eq!(text.matches(line).count(), 1, "{file}: {line}");
            fs::write(&path, text.replace(line, &line.replace("0.1.0", "0.0.1"))).expect("it is written");
        }
        let output = self.run(Command::new("cargo").args(["update", "--workspace", "--offline"]));
        assert!(output.status.success(), "{}", said(&output));
    }

    fn refuses(&self, arguments: &[&str], problem: &str) {
        let output = self.xtask(arguments);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(problem), "{arguments:?}: {said}");
    }

    fn does(&self, arguments: &[&str]) {
        let output = self.xtask(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
}

/// Returns the files that are in one tree and not, or not the same, in the other.
fn different(tree: &Tree, other: &Tree) -> Vec<String> {
    let names = tree.iter().filter(|(path, content)| other.get(*path) != Some(content));
    names.map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn a_new_endpoint_compiles_passes_its_tests_and_goes_without_a_trace() {
    let checkout = Checkout::find().expect("the checkout");
    let copy = Copy::of(&checkout, "checkout");
    let before = copy.tree();

    for (arguments, problem) in [
        (["Zebras", "POST /api/v1/zebras/", "public"], "the name `Zebras` is not valid"),
        (["users-me", "POST /api/v1/zebras/", "public"], "functions/users-me exists"),
        (["serde", "POST /api/v1/zebras/", "public"], "a package is named `serde`"),
        (["zebras-create", "POST zebras", "public"], "the path `zebras` is not valid"),
        (["zebras-create", "GET /api/v1/users/me/", "public"], "belongs to the function users-me"),
        (["zebras-create", "GET /api/v1/users/{id}/", "public"], "is called {uuid} in functions/users-"),
        (["zebras-create", "POST /api/v1/zebras/", "zebras:ride"], "`--as zebras:ride` is not known"),
    ] {
        let [name, route, access] = arguments;
        copy.refuses(&["new", "endpoint", name, route, "--as", access], problem);
    }
    copy.refuses(&["remove", "endpoint", "events-consumer"], "does not list events-consumer");
    assert_eq!(different(&copy.tree(), &before), [""; 0], "a refused command changes nothing");

    copy.does(&NEW);
    let after = copy.tree();
    let (new, edited): (Vec<_>, Vec<_>) = different(&after, &before)
        .into_iter()
        .filter(|file| !GENERATED.contains(&file.as_str()) && !copy.folder.join(file).is_dir())
        .partition(|file| !before.contains_key(Path::new(file)));
    // The sample event is the route and the body once more; nobody has to look after it.
    let (samples, files): (Vec<_>, Vec<_>) = new.into_iter().partition(|file| file.starts_with("events/"));
    assert_eq!((samples.len(), files.len()), (1, 5), "{files:?}");
    assert_eq!(edited, [""; 0]);

    let said_by_tests = copy.test(&["functions::zebras_create", "every_other_route_that_takes_a_key"]);
    assert!(said_by_tests.contains("5 passed"), "{said_by_tests}");

    // An engineer's change is not deleted without being asked.
    let test = copy.folder.join("functions/zebras-create/tests.rs");
    let written = fs::read_to_string(&test).expect("its test");
    fs::write(&test, format!("{written}// A change.\n")).expect("a change");
    let remove = ["remove", "endpoint", "zebras-create"];
    copy.refuses(&remove, "--force deletes your changes in: functions/zebras-create/tests.rs");
    fs::write(&test, written).expect("the change goes");
    assert_eq!(different(&copy.tree(), &after), [""; 0], "a refused command changes nothing");

    copy.does(&remove);
    let end = copy.tree();
    assert_eq!((different(&end, &before), different(&before, &end)), (Vec::new(), Vec::new()));
}

#[test]
fn a_new_migration_is_two_files_and_goes_without_a_trace() {
    let checkout = Checkout::find().expect("the checkout");
    let copy = Copy::of(&checkout, "migrations");
    let before = copy.tree();
    copy.refuses(&["new", "migration", "Add-Zebras"], "`Add-Zebras` is not a valid name");
    copy.refuses(&["new", "migration", "users"], "a migration of that name exists: migrations/0001_users");
    copy.refuses(&["remove", "migration", "users"], "0001_users.down.sql has statements");
    copy.refuses(&["remove", "migration", "zebras"], "there is no migration `zebras`");
    copy.does(&["new", "migration", "add_zebras"]);
    let new = different(&copy.tree(), &before);
    assert!(
        matches!(&new[..], [down, up] if down.ends_with("_add_zebras.down.sql") && up.ends_with("_add_zebras.up.sql"))
    );
    copy.does(&["remove", "migration", "add_zebras"]);
    let end = copy.tree();
    assert_eq!((different(&end, &before), different(&before, &end)), (Vec::new(), Vec::new()));
}
