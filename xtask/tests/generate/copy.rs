//! A copy of the project that the commands change, and its files as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use xtask::checkout::Checkout;
use xtask::generate::plan::Plan;
use xtask::generate::project::Names;
use xtask::generate::undo::Undo;
use xtask::mutants::Scratch;

pub(crate) type Tree = BTreeMap<PathBuf, Vec<u8>>;

pub(crate) struct Copy {
    pub(crate) folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Output {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(arguments).env("CARGO_MANIFEST_DIR", self.folder.join("xtask"));
        self.run(&mut xtask)
    }

    /// Runs tests of the copy, and returns what cargo says.
    pub(crate) fn test(&self, filters: &[&str]) -> String {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["test", "--package", "app-tests", "--test", "api", "--test", "queue", "--"])
            .args(filters);
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

    pub(crate) fn tree(&self) -> Tree {
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
    pub(crate) fn of(checkout: &Checkout, name: &str) -> Self {
        let folder = checkout.state_dir("generate").expect("a folder").join(name);
        let folder = Scratch::refresh(checkout, folder).expect("a copy").folder;
        let copy = Self { folder, target: checkout.target_dir().expect("cargo's target folder") };
        copy.take_a_version();
        copy
    }

    /// Brings Cargo.lock into line with the packages.
    pub(crate) fn lock(&self) {
        let output = self.run(Command::new("cargo").args(["update", "--workspace", "--offline"]));
        assert!(output.status.success(), "{}", said(&output));
    }

    /// Gives the packages of the copy another version. Cargo would otherwise use the same names in the target
    /// folder as for the checkout's packages, and take one for the other.
    fn take_a_version(&self) {
        for (file, line) in
            [("Cargo.toml", "version = \"0.1.0\""), ("docs/openapi.json", "\"version\": \"0.1.0\"")]
        {
            self.edit(file, line, &line.replace("0.1.0", "0.0.1"));
        }
        self.lock();
    }

    pub(crate) fn refuses(&self, arguments: &[&str], problem: &str) {
        let output = self.xtask(arguments);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(problem), "{arguments:?}: {said}");
    }

    pub(crate) fn does(&self, arguments: &[&str]) {
        let output = self.xtask(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
}

impl Copy {
    /// Asserts that the copy has these files, and no other.
    pub(crate) fn is_as(&self, before: &Tree) {
        let now = self.tree();
        assert_eq!((different(&now, before), different(before, &now)), (Vec::new(), Vec::new()));
    }
}

/// Returns the files that are in one tree and not, or not the same, in the other.
pub(crate) fn different(tree: &Tree, other: &Tree) -> Vec<String> {
    let names = tree.iter().filter(|(path, content)| other.get(*path) != Some(content));
    names.map(|(path, _)| path.display().to_string()).collect()
}

impl Copy {
    pub(crate) fn checkout(&self) -> Checkout {
        Checkout::at(self.folder.clone())
    }

    pub(crate) fn names(&self) -> Names {
        Names::read(&self.checkout()).expect("the names of the product")
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        fs::write(path, text).expect("it is written");
    }

    /// Replaces a text that is there once.
    pub(crate) fn edit(&self, file: &str, find: &str, replace: &str) {
        let text = fs::read_to_string(self.folder.join(file)).expect("a file");
        assert_eq!(text.matches(find).count(), 1, "{file}: {find}");
        self.write(file, &text.replace(find, replace));
    }

    /// Applies a plan of `new` or `remove`, but builds nothing: the documents stay as they are.
    pub(crate) fn apply(&self, plan: impl FnOnce(&Checkout) -> anyhow::Result<Plan>) {
        let plan = plan(&self.checkout()).expect("a plan");
        let mut undo = Undo::in_checkout(&self.folder);
        plan.apply(&mut undo).expect("it is applied");
        undo.keep();
    }
}
