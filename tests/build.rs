//! Lists the tests that lie in the folders of functions, `functions/NAME/tests.rs`, so that a new endpoint's test
//! needs no line elsewhere. They are compiled as modules of the test binary `api`.

use std::{env, fs, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
fn main() {
    // Read when it runs: a copy of the project may share the compiled script.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&package).join("../functions");
    println!("cargo::rerun-if-changed={}", root.display());
    let entries = fs::read_dir(&root).expect("functions/").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = entries.filter(|folder| folder.join("tests.rs").is_file()).collect();
    folders.sort();
    let mut modules = String::new();
    for folder in folders {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name in ASCII");
        let path = folder.join("tests.rs").canonicalize().expect("a path");
        modules += &format!("#[path = {path:?}]\nmod {};\n", name.replace('-', "_"));
    }
    let file = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("function_tests.rs");
    if fs::read_to_string(&file).ok().as_ref() != Some(&modules) {
        fs::write(&file, modules).expect("the list of tests");
    }
}
