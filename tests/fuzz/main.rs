//! Made-up input for what reads input: each target on the inputs of `corpus/`, and on many that are
//! made of them, always the same. What reaches deeper is `cargo xtask fuzz TARGET`.

mod mutation;

use std::{fs, panic, path::Path};

use mutation::Mutation;
use test_support::targets;

/// How many inputs are made up for each target.
const INPUTS: u32 = 3_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file")).collect()
}

#[test]
fn every_target_holds_for_its_corpus_and_what_is_made_of_it() {
    for (name, target) in targets::TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "tests/fuzz/corpus/{name} is empty");
        let mut mutation = Mutation::new(&corpus);
        let made_up = (0..INPUTS).map(|_| mutation.next());
        for input in corpus.iter().cloned().chain(made_up) {
            let outcome = panic::catch_unwind(|| target(&input));
            assert!(outcome.is_ok(), "{name} fails on b\"{}\"", input.escape_ascii());
        }
    }
}
