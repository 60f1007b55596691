//! Every mutant is well-formed, fits the sources and names a test that exists. Whether that test
//! fails because of it: `cargo xtask mutants` finds out, which takes about a minute for each.

use std::collections::BTreeMap;
use std::path::Path;

use xtask::mutants::{Mutant, TestName, change, tests_of};

fn all(root: &Path) -> Vec<Mutant> {
    let mutants = Mutant::all(root).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(mutants.len() > 5, "only {} were found: have they moved?", mutants.len());
    mutants
}

#[test]
fn every_mutant_fits_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let faults = all(&root).into_iter().filter_map(|mutant| {
        let error = change(&root, &mutant.edits).err()?;
        Some(format!("{}: {error:#}", mutant.path()))
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_mutant_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut binaries: BTreeMap<Vec<String>, Vec<TestName>> = BTreeMap::new();
    let mut faults = Vec::new();
    for mutant in all(&root) {
        let tests = match binaries.get(&mutant.test.binary) {
            Some(tests) => tests,
            None => match tests_of(&root, &mutant.test) {
                Ok(tests) => binaries.entry(mutant.test.binary.clone()).or_insert(tests),
                Err(error) => {
                    faults.push(format!("{}: {error:#}", mutant.path()));
                    continue;
                }
            },
        };
        let unknown = |filter: &&String| !tests.iter().any(|test| test.name.contains(filter.as_str()));
        for filter in mutant.test.filters.iter().filter(unknown) {
            let of = mutant.test.binary.join(" ");
            faults.push(format!(
                "{}: `{filter}` names no test of `{of}`: set `test` to its new name",
                mutant.path()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
