//! Functions that hash passwords have the memory for it, and docs/performance.md names them.
//!
//! The processor share grows with memory, and a hash in 128 MB takes 0.7 s.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{Overrides, functions, number, template},
    holds, refused,
};
use crate::routes::{differences, stem};

/// Reviewed: how a function begins a hash, or compares a password with one, which takes as long.
const HASHES: [&str; 2] = ["app.passwords()", "users.hash("];
const LEAST_MB: u64 = 1024;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap_or_default()
}

/// Returns whether this code of a function hashes.
fn hashes(code: &str) -> bool {
    HASHES.iter().any(|call| code.contains(call))
}

/// Returns the functions that hash, by their code.
pub(super) fn hashing(template: &Value) -> BTreeSet<String> {
    let stems = functions(template).into_iter().map(|(id, _)| stem(id));
    stems.filter(|stem| hashes(&read(&format!("functions/{stem}/src/lib.rs")))).collect()
}

/// Returns functions that hash with too little memory, and functions that have this memory for nothing.
fn memory_is_for_hashes(template: &Value) -> Faults {
    let hashing = hashing(template);
    let fault = |(id, function): (&str, &Value)| {
        let stem = stem(id);
        let memory = number(template, &function["MemorySize"], &Overrides::new()).unwrap_or(0);
        match (hashing.contains(&stem), memory >= LEAST_MB) {
            (true, false) => Some(format!("{stem}: hashes passwords with less than {LEAST_MB} MB")),
            (false, true) => Some(format!("{stem}: has {memory} MB and hashes nothing")),
            _ => None,
        }
    };
    functions(template).into_iter().filter_map(fault).collect()
}

/// Returns the functions in the row of a page's table of memory settings.
fn described(page: &str) -> BTreeSet<String> {
    let mut rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let row = rows.find(|(_, rest)| rest.starts_with(&format!("{LEAST_MB} | ")));
    row.map(|(names, _)| names.split(", ").map(str::to_owned).collect()).unwrap_or_default()
}

fn page_names_them(template: &Value, page: &str) -> Faults {
    differences(("functions/*/src/lib.rs", &hashing(template)), ("docs/performance.md", &described(page)))
}

#[test]
fn functions_that_hash_passwords_have_the_memory_for_it() {
    let check = memory_is_for_hashes;
    holds(&check(&template()));
    let memory = |function: &str| format!("/Resources/{function}/Properties/MemorySize");
    for (function, stem) in [
        ("AuthTokensFunction", "auth-tokens"),
        ("AuthSignUpFunction", "auth-sign-up"),
        ("AuthEmailVerifyFunction", "auth-email-verify"),
    ] {
        let fault = format!("{stem}: hashes passwords with less than 1024 MB");
        refused(check, &memory(function), json!(512), &fault);
    }
    let mut broken = template();
    broken["Resources"]["UsersMeFunction"]["Properties"]["MemorySize"] = json!(2048);
    assert_eq!(check(&broken), ["users-me: has 2048 MB and hashes nothing"]);
}

#[test]
fn the_performance_page_names_the_functions_that_hash() {
    let (template, page) = (template(), read("docs/performance.md"));
    assert!(hashing(&template).len() >= 6, "{:?}", hashing(&template));
    holds(&page_names_them(&template, &page));
    let fewer = page.replacen("auth-email-verify, ", "", 1).replacen(
        "| auth-sign-up, auth-tokens, ",
        "| users-me, auth-tokens, ",
        1,
    );
    assert_eq!(
        page_names_them(&template, &fewer),
        [
            "auth-email-verify is in functions/*/src/lib.rs and not in docs/performance.md",
            "auth-sign-up is in functions/*/src/lib.rs and not in docs/performance.md",
            "users-me is in docs/performance.md and not in functions/*/src/lib.rs",
        ]
    );
}
