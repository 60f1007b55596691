//! No file uses a file that uses it, directly or through others. So each file can be read after the files that
//! it uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::imports::{self, Import};

/// Returns the imports that close a circle: their targets lead back to where they come from.
fn closing(imports: &[Import]) -> Vec<&Import> {
    let mut uses: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
    let counted = || imports.iter().filter(|import| import.counts);
    for import in counted() {
        uses.entry(&import.from).or_default().insert(&import.to);
    }
    let leads_to = |start: &[String], goal: &[String]| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            if module == goal {
                return true;
            }
            if seen.insert(module) {
                next.extend(uses.get(module).into_iter().flatten());
            }
        }
        false
    };
    counted().filter(|import| leads_to(&import.to, &import.from)).collect()
}

/// Returns the `src` folders of the core, the catalogue, the developer's tool and all functions.
fn crates() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let functions = fs::read_dir(root.join("functions")).expect("functions");
    let functions = functions.map(|entry| entry.expect("an entry").path().join("src"));
    let all = functions.chain(["core/src", "catalogue/src", "xtask/src"].map(|folder| root.join(folder)));
    all.filter(|folder| folder.is_dir()).collect()
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let (mut faults, mut read) = (Vec::new(), 0);
    for folder in crates() {
        let imports = imports::read(&folder);
        read += imports.len();
        let mut circle = closing(&imports);
        circle.dedup_by_key(|import| (&import.from, &import.to));
        faults.extend(circle.into_iter().map(|Import { from, to, path, .. }| {
            format!("{}: {} uses {} ({path})", folder.display(), from.join("/"), to.join("/"))
        }));
    }
    assert!(read > 2000, "only {read} imports were read: has the code moved?");
    assert!(
        faults.is_empty(),
        "these files use each other in a circle; move the shared items into a separate file:\n{}",
        faults.join("\n")
    );
}

fn file(path: &[&str], text: &str) -> (Vec<String>, String) {
    (path.iter().map(|&part| part.to_owned()).collect(), text.to_owned())
}

/// The circle a → b → c/inner → a, if `text` (the file a) uses `Other` of b.
fn in_circle(text: &str) -> Vec<String> {
    let files = BTreeMap::from([
        file(&[], "mod a; mod b; mod c;"),
        file(&["a"], text),
        file(&["b"], "use crate::c::thing; pub struct Other; pub fn run<T>() { thing() }"),
        file(&["c"], "mod inner; pub use inner::thing;"),
        file(&["c", "inner"], "pub fn thing() { super::super::a::work() }"),
    ]);
    let imports = imports::of(&files);
    let places = closing(&imports).into_iter().map(|import| import.from.join("/"));
    places.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn a_circle_is_found_in_every_spelling() {
    for text in [
        "use crate::b::Other;",
        "use super::{b::Other as B};",
        "use crate::b::*;",
        "use crate::b; fn work(_: b::Other) {}",
        "fn work() -> crate::b::Other { todo() }",
        "fn work() { super::b::run::<u8>() }",
        "fn work() { assert_eq!(1, super::b::run::<u8>()) }",
        "fn work() { let _ = format!(\"{:?}\", [crate::b::Other]); }",
        "pub(super) fn f(_: &dyn Fn(super::b::Other)) {}",
        "#[derive(Serialize)] struct S { #[serde(with = \"super::b\")] field: u8 }",
        "#[derive(Serialize)] struct S { #[serde(serialize_with = \"crate::b::run\")] field: u8 }",
        "mod inside { fn work() -> super::super::b::Other { todo() } }",
        // Passed on from another file, which is an import as any other.
        "pub use crate::b::Other;",
        "pub(crate) use crate::b::Other as Renamed; fn work(_: Renamed) {}",
    ] {
        assert_eq!(in_circle(text), ["a", "b", "c/inner"], "{text}");
    }
    for text in [
        "pub fn work() {}",
        "use crate::b; pub fn work() {}",
        "pub fn work() { other.b.run() }",
        "pub fn work() {} #[cfg(test)] mod tests { use crate::b::Other; }",
        "pub fn work() {} #[cfg(test)] use crate::b::Other;",
        "mod inside { pub struct Other; fn work(_: super::inside::Other) {} }",
    ] {
        assert_eq!(in_circle(text), [""; 0], "{text}");
    }
}

/// A module and its submodule are two files like any others: see decision 0062.
#[test]
fn a_module_and_its_submodule_may_use_each_other_in_one_direction_only() {
    let circle = |parent: &str, child: &str| {
        let files = BTreeMap::from([file(&[], "mod a;"), file(&["a"], parent), file(&["a", "child"], child)]);
        !closing(&imports::of(&files)).is_empty()
    };
    let child = "pub struct Part; pub fn part(_: super::Whole) {}";
    assert!(circle("mod child; pub struct Whole(child::Part);", child));
    assert!(circle("mod child; use child::Part; pub struct Whole(Part);", child));
    // A name that the module passes on, and uses itself.
    assert!(circle("mod child; pub use child::Part; pub struct Whole(Part);", child));
    assert!(circle("mod child; pub use child::Part as P; pub struct Whole; fn whole() { new!(P) }", child));
    assert!(circle("mod child; pub use child::*; pub struct Whole(Part);", child));
    assert!(!circle("mod child; pub use child::Part; pub struct Whole;", child));
    assert!(!circle("mod child; pub use child::*; pub struct Whole;", child));
    assert!(!circle("mod child; pub use child::Part; pub struct Whole(Part);", "pub struct Part;"));
}

#[test]
fn a_name_leads_through_every_file_that_passes_it_on() {
    let files = BTreeMap::from([
        file(&[], "mod a; mod b; mod c; pub use b::Other as Third;"),
        file(&["a"], "use crate::Third; use super::b::rest;"),
        file(&["b"], "pub use crate::c::{deep::*, deep as rest}; mod own; pub use own::Other;"),
        file(&["b", "own"], "pub struct Other;"),
        file(&["c"], "pub mod deep;"),
        file(&["c", "deep"], "pub fn thing() {} macro_rules! made { () => {} }"),
        file(&["d"], "fn f() { crate::b::thing(); crate::b::rest::unknown() }"),
    ]);
    let imports = imports::of(&files);
    let to = |from: &str| -> Vec<String> {
        let of_file = imports.iter().filter(|import| import.from == [from] && import.counts);
        of_file.map(|import| format!("{} {}", import.path, import.to.join("/"))).collect()
    };
    assert_eq!(to("a"), ["crate::Third b/own"]);
    assert_eq!(to("d"), ["crate::b::rest::unknown c/deep", "crate::b::thing c/deep"]);
}
