//! Examples of all mails as files, with an index page.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::checkout::private_dir;
use crate::html::escape;

/// An example, as the catalogue writes it.
#[derive(Debug, Deserialize)]
struct Example {
    name: String,
    language: String,
    subject: String,
    text: String,
    html: String,
}

/// Writes each example of the catalogue's document as text and as HTML, and an index page, whose path it returns.
pub fn write(folder: &Path, document: &[u8]) -> Result<PathBuf> {
    let examples: Vec<Example> = serde_json::from_slice(document).context("cannot read the examples")?;
    let _ = fs::remove_dir_all(folder);
    private_dir(folder)?;
    let mut rows = String::new();
    for Example { name, language, subject, text, html } in &examples {
        let file = format!("{name}.{language}");
        for (kind, content) in [("txt", text), ("html", html)] {
            let path = folder.join(format!("{file}.{kind}"));
            fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let subject = escape(subject);
        let _ = writeln!(
            rows,
            "<tr><td>{name}<td>{language}<td><a href=\"{file}.html\">{subject}</a>\n\
             <td><a href=\"{file}.txt\">text</a>"
        );
    }
    let index = folder.join("index.html");
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Mails</title>\n\
         <h1>Mails</h1>\n<table>\n{rows}</table>\n</html>\n"
    );
    fs::write(&index, page).with_context(|| format!("cannot write {}", index.display()))?;
    Ok(index)
}
