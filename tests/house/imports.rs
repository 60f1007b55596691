//! Which file of a crate uses an item of which other file.
//!
//! A name leads to the file that defines its item, through every `use` and `pub use` on the way.
//! Decision 0062 says what counts as a use.

use std::{collections::BTreeMap, collections::BTreeSet, fs, path::Path};

use super::paths::{Source, Use};

/// A file's module path from the root of its crate; the root is empty.
pub(super) type Module = Vec<String>;

/// One file names another file, or an item of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: Module,
    pub(super) to: Module,
    /// The path as it is written.
    pub(super) path: String,
    /// Whether decision 0062 counts it as a use. It does not count the name of a module alone, and a `pub use`
    /// of an item of a submodule.
    pub(super) counts: bool,
}

/// Returns the imports between the files in the `src` folder of a crate, without its unit tests.
pub(super) fn read(src: &Path) -> Vec<Import> {
    let mut files = BTreeMap::new();
    let library = src.join("lib.rs").exists();
    for path in super::layers::files(src) {
        let relative = path.strip_prefix(src).expect("a file of the folder").with_extension("");
        let mut module: Module =
            relative.iter().map(|part| part.to_str().expect("a name in UTF-8").to_owned()).collect();
        // A binary next to a library is a separate crate.
        if library && module == ["main"] {
            continue;
        }
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        files.insert(module, fs::read_to_string(&path).expect("a source file"));
    }
    of(&files)
}

/// Returns the imports between these modules, given with their text.
pub(super) fn of(files: &BTreeMap<Module, String>) -> Vec<Import> {
    let mut sources: BTreeMap<Module, Source> =
        files.iter().map(|(module, text)| (module.clone(), Source::read(text))).collect();
    let tests: Vec<Module> = sources
        .iter()
        .flat_map(|(module, source)| source.test_files.iter().map(|name| child(module, name)))
        .collect();
    sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    let tree = Tree(sources);
    let mut imports = BTreeSet::new();
    for (from, source) in &tree.0 {
        let mut add = |to: Target, path: &[String], glob: bool, passed_on: bool| {
            let (to, used) = match to {
                Target::Item(to) => (to, true),
                // `pub(in crate::domain)`
                Target::Module(to) if from.starts_with(&to) && !glob => return,
                // `*` stands for the items of the module.
                Target::Module(to) => (to, glob),
            };
            if to != *from {
                let counts = used && !(passed_on && to.starts_with(from));
                imports.insert(Import { from: from.clone(), to, path: path.join("::"), counts });
            }
        };
        for Use { path, name, passed_on } in &source.uses {
            if let Some(to) = tree.resolve(from, path, 0) {
                add(to, path, name.is_none(), *passed_on);
            }
        }
        for path in &source.named {
            if let Some(to) = tree.resolve(from, path, 0) {
                add(to, path, false, false);
            }
        }
    }
    imports.into_iter().collect()
}

/// What a path leads to.
enum Target {
    /// The file of a module.
    Module(Module),
    /// An item, by the file that defines it.
    Item(Module),
}

struct Tree(BTreeMap<Module, Source>);

/// More steps from one `use` to the next than any sane name takes; ends a `use` of itself.
const MOST_STEPS: usize = 12;

impl Tree {
    /// Returns the item or module that the path names, or `None` if it is outside this crate.
    fn resolve(&self, here: &Module, path: &[String], steps: usize) -> Option<Target> {
        if steps > MOST_STEPS {
            return None;
        }
        let (first, mut rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Module::new(),
            "self" => here.clone(),
            "super" => parent(here)?,
            name => match self.look_up(here, name, rest.is_empty(), steps)? {
                Target::Module(module) => module,
                item => return Some(item),
            },
        };
        while let Some((name, after)) = rest.split_first() {
            rest = after;
            module = match name.as_str() {
                "super" => parent(&module)?,
                name => match self.look_up(&module, name, rest.is_empty(), steps) {
                    Some(Target::Module(module)) => module,
                    Some(item) => return Some(item),
                    // What a macro made, for example.
                    None => return Some(Target::Item(module)),
                },
            };
        }
        Some(Target::Module(module))
    }

    /// Returns what the name means in the module. At the end of a path an item goes before a module
    /// with the same name, and before that end the module.
    fn look_up(&self, module: &Module, name: &str, last: bool, steps: usize) -> Option<Target> {
        let source = self.0.get(module)?;
        let inside = child(module, name);
        let a_module = self.0.contains_key(&inside);
        if a_module && !last {
            return Some(Target::Module(inside));
        }
        if source.declared.contains(name) {
            return Some(Target::Item(module.clone()));
        }
        let imported = |one: &&Use| one.name.as_deref() == Some(name);
        let mut imported = source.uses.iter().filter(imported);
        if let Some(target) = imported.find_map(|one| self.resolve(module, &one.path, steps + 1)) {
            return Some(target);
        }
        if a_module {
            return Some(Target::Module(inside));
        }
        let mut globs = source.uses.iter().filter(|one| one.name.is_none());
        globs.find_map(|glob| match self.resolve(module, &glob.path, steps + 1)? {
            Target::Module(from) if from != *module && steps < MOST_STEPS => {
                self.look_up(&from, name, last, steps + 1)
            }
            _ => None,
        })
    }
}

fn child(module: &Module, name: &str) -> Module {
    [module.as_slice(), &[name.to_owned()]].concat()
}

fn parent(module: &Module) -> Option<Module> {
    let (_, parent) = module.split_last()?;
    Some(parent.to_vec())
}
