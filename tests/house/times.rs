//! All times that leave the product have the form of `domain::timestamp`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

/// The serializers of the crate `time` drop digits that are zero, so a text's length would change.
#[test]
fn no_time_is_written_by_another_serializer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files: Vec<PathBuf> = ["core/src", "functions"].iter().flat_map(|f| sources(&root.join(f))).collect();
    assert!(files.len() > 150, "{}", files.len());
    let wrong = files.iter().filter(|file| {
        let text = fs::read_to_string(file).expect("a source");
        text.contains("serde::rfc3339") || text.contains("format(&Rfc3339)")
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "use #[serde(with = \"…domain::timestamp\")] in {wrong:?}");
}
