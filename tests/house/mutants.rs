//! Every negative control says why and what it turns red, and still applies. That it does turn it
//! red is for `cargo xtask mutants` to say, which takes minutes.

use std::path::Path;

use xtask::mutants::{Mutant, git_apply};

#[test]
fn every_mutant_names_its_test_and_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mutants = Mutant::all(&root).expect("good patches");
    assert!(mutants.len() > 5, "only {} were found: have they moved?", mutants.len());
    let stale = mutants.iter().filter_map(|mutant| {
        let error = git_apply(&root, &["--check"], &mutant.patch).err()?;
        Some(format!("tests/mutants/{}.patch: refresh it: {error}", mutant.name))
    });
    let stale: Vec<String> = stale.collect();
    assert!(stale.is_empty(), "{}", stale.join("\n"));
}
