//! Swagger UI and ReDoc are not in the repository: they are fetched once, and this looks whether
//! they are there, in the version that `assets/requirements.txt` names.

use std::{env, fs, path::Path};

/// The logo of ReDoc's maker, the one file that ReDoc loads from another host. A transparent pixel replaces it: the
/// pages load only from this API, and their policy would block the logo with an error.
const LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";
const PIXEL: &str = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

#[expect(clippy::disallowed_methods, reason = "cargo's own settings")]
fn main() {
    println!("cargo::rerun-if-changed=assets");
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let wanted = fs::read(assets.join("requirements.txt")).expect("assets/requirements.txt");
    // The program that fetches the assets writes this file last. It is a copy of the requirements that it fetched for.
    if fs::read(assets.join("fetched.txt")).ok() != Some(wanted) {
        println!(
            "cargo::error=functions/docs/assets/ has no Swagger UI and ReDoc of the pinned version: run \
             `cargo xtask assets`"
        );
        return println!(
            "cargo::error=To build without them: `cargo build --workspace --exclude docs --exclude catalogue \
             --exclude app-tests`"
        );
    }
    let redoc = fs::read_to_string(assets.join("redoc.standalone.js")).expect("redoc.standalone.js");
    if !redoc.contains(LOGO) {
        return println!(
            "cargo::error=this version of ReDoc does not load {LOGO}: correct LOGO in functions/docs/build.rs"
        );
    }
    let out = env::var("OUT_DIR").expect("set by cargo");
    let path = Path::new(&out).join("redoc.standalone.js");
    fs::write(path, redoc.replace(LOGO, PIXEL)).expect("writing the script");
}
