//! Lists `migrations/` for `infrastructure/migrate/files.rs`, so that the binary carries them.

use std::{env, fmt::Write, fs, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo's own settings")]
fn main() {
    // As it is when this runs: a target folder may have been copied from another checkout.
    let package = env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
    let folder = Path::new(&package).join("../migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder).expect("the migrations folder");
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".up.sql").map(str::to_owned))
        .collect();
    names.sort();
    let numbers = |name: &String| name.split('_').next().unwrap_or_default().to_owned();
    for pair in names.windows(2) {
        assert!(
            numbers(&pair[0]) != numbers(&pair[1]),
            "{} and {} have one number: which comes first?",
            pair[0],
            pair[1]
        );
    }
    let mut list = String::from("[\n");
    for name in names {
        let path = |way: &str| folder.join(format!("{name}.{way}.sql"));
        assert!(
            path("down").exists(),
            "migrations/{name}.down.sql is missing: every migration can be taken back"
        );
        let (up, down) = (path("up"), path("down"));
        writeln!(
            list,
            "    Migration {{ name: {name:?}, up: include_str!({up:?}), down: include_str!({down:?}) }},"
        )
        .expect("writing to a string");
    }
    list.push_str("]\n");
    let out = env::var("OUT_DIR").expect("set by cargo");
    fs::write(Path::new(&out).join("migrations.rs"), list).expect("writing the list");
}
