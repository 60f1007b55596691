//! Makes the list of endpoints from Cargo.toml, which `cargo xtask template` writes: each function that the
//! catalogue depends on, except the two without a description.

use std::{env, fs, path::Path};

const WITHOUT_DESCRIPTION: [&str; 2] = ["docs", "grpc"];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
fn main() {
    println!("cargo::rerun-if-changed=Cargo.toml");
    let manifest = fs::read_to_string("Cargo.toml").expect("Cargo.toml is in the package's folder");
    let functions = manifest.lines().filter(|line| line.contains("\"../functions/"));
    let names = functions.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let (mut endpoints, mut functions) = (String::new(), String::new());
    for name in names {
        let module = name.replace('-', "_");
        functions += &format!("pub use ::{module};\n");
        if !WITHOUT_DESCRIPTION.contains(&name) {
            endpoints += &format!("endpoint!({name:?}, {module}),\n");
        }
    }
    let folder = env::var_os("OUT_DIR").expect("cargo sets it");
    let write = |file: &str, text: &str| {
        fs::write(Path::new(&folder).join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
    };
    write("endpoints.rs", &format!("vec![\n{endpoints}]\n"));
    write("functions.rs", &functions);
}
