//! Pages with the text of files that are no pages, and with the content of folders. Links of the site lead there. Each
//! is `index.html` in a folder with the name of the file or folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::file::write as write_file;
use crate::html::escape;

const INDEX: &str = "index.html";
const STYLE: &str = ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}body{margin:1rem}\
                     pre{overflow-x:auto;font-size:.875rem}";

/// Writes a page for each of these files, and one for each folder that has no page yet. A file that is not text has
/// none.
pub fn write<'a>(root: &Path, site: &Path, files: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
    let mut folders: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        let text = format!("<pre><code>{}</code></pre>", escape(&text));
        write_file(&site.join(file).join(INDEX), page(file, &text).as_bytes())?;
        let mut entry = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for folder in file.ancestors().skip(1) {
            folders.entry(folder.to_owned()).or_default().insert(entry);
            entry = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        }
    }
    for (folder, entries) in folders {
        let index = site.join(&folder).join(INDEX);
        if !index.exists() {
            write_file(&index, page(&folder, &listing(&entries)).as_bytes())?;
        }
    }
    Ok(())
}

fn listing(entries: &BTreeSet<String>) -> String {
    let mut list = "<ul>\n".to_owned();
    for entry in entries {
        let entry = escape(entry);
        let _ = writeln!(list, "<li><a href=\"{entry}/{INDEX}\">{entry}</a></li>");
    }
    list + "</ul>"
}

/// Returns a page with links to the folders above it.
fn page(path: &Path, content: &str) -> String {
    let parts: Vec<String> = path.iter().map(|part| escape(&part.to_string_lossy())).collect();
    let depth = parts.len();
    let above = |count: usize| format!("{}{INDEX}", "../".repeat(count));
    let mut way = format!("<a href=\"{}\">Documentation</a>", above(depth));
    for (index, part) in parts.iter().enumerate() {
        let _ = match depth - index - 1 {
            0 => write!(way, " / {part}"),
            count => write!(way, " / <a href=\"{}\">{part}</a>", above(count)),
        };
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<p>{way}</p>\n{content}\n</body>\n</html>\n",
        parts.join("/")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_text_with_the_way_back() {
        let text = page(Path::new("core/src/lib.rs"), "<pre></pre>");
        assert!(text.contains("<title>core/src/lib.rs</title>"), "{text}");
        let way = "<p><a href=\"../../../index.html\">Documentation</a> / <a href=\"../../index.html\">core</a> / \
                   <a href=\"../index.html\">src</a> / lib.rs</p>";
        assert!(text.contains(way), "{text}");
        let listed = listing(&BTreeSet::from(["a".into(), "b&.rs".into()]));
        assert!(listed.contains("<a href=\"a/index.html\">a</a>"), "{listed}");
        assert!(listed.contains("<a href=\"b&amp;.rs/index.html\">b&amp;.rs</a>"), "{listed}");
    }
}
