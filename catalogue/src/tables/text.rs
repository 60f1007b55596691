//! Text of sources, and of cells.

use std::{fs, path::Path};

pub(super) fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("cannot read {file}: {error}"))
}

/// Returns text for a cell: a table has no other bars than those between cells.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
