//! Follows each link of the built site: it leads to a file, and to an element of it, and pages load nothing from
//! another host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::page::MD;

/// Attributes that name another file.
const LINKS: [&str; 2] = ["href", "src"];

/// Returns the links that lead nowhere or load something from another host.
pub fn faults(site: &Path) -> Result<Vec<String>> {
    let mut files = BTreeSet::new();
    collect(site, site, &mut files)?;
    let mut pages = BTreeMap::new();
    let mut faults = Vec::new();
    for file in &files {
        let kind = file.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if kind == "html" || kind == "css" {
            let text = fs::read_to_string(site.join(file));
            let text = text.with_context(|| format!("cannot read {}", file.display()))?;
            if kind == "html" {
                pages.insert(file.clone(), Page::read(&text));
            } else {
                let remote = remote_styles(&text);
                faults.extend(remote.map(|place| format!("{}: loads {place}", file.display())));
            }
        }
    }
    for (file, page) in &pages {
        let wrong = page.links.iter().filter_map(|link| link.fault(file, &files, &pages));
        faults.extend(wrong.map(|fault| format!("{}: {fault}", file.display())));
    }
    Ok(faults)
}

fn collect(site: &Path, folder: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(site, &path, files)?;
        } else {
            files.insert(path.strip_prefix(site)?.to_owned());
        }
    }
    Ok(())
}

/// Returns what a style sheet loads from another host.
fn remote_styles(text: &str) -> impl Iterator<Item = &str> {
    let places = text.split("url(").skip(1).filter_map(|rest| rest.split(')').next());
    let places = places.map(|place| place.trim_matches(['"', '\'']));
    places.filter(|place| !place.starts_with("data:") && (place.contains("://") || place.starts_with("//")))
}

#[derive(Debug)]
struct Page {
    ids: BTreeSet<String>,
    links: Vec<Link>,
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    /// The element that has the link.
    element: String,
    target: String,
}

impl Page {
    /// Reads attributes between double quotes. Text has none, because there they are escaped.
    fn read(html: &str) -> Self {
        let mut links = Vec::new();
        for name in LINKS {
            for (element, target) in attributes(html, name) {
                links.push(Link {
                    element: element.to_owned(),
                    target: target.replace("&amp;", "&").replace(MD, ".md"),
                });
            }
        }
        Self { ids: attributes(html, "id").map(|(_, id)| id.to_owned()).collect(), links }
    }
}

/// Returns the values of an attribute, each with the name of its element.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let start = format!(" {name}=\"");
    html.match_indices(&start).map(|(at, _)| at).collect::<Vec<_>>().into_iter().filter_map(move |at| {
        let element = html[..at].rsplit_once('<')?.1.split_whitespace().next()?;
        let value = html[at + start.len()..].split_once('"')?.0;
        Some((element, value))
    })
}

impl Link {
    fn fault(
        &self,
        file: &Path,
        files: &BTreeSet<PathBuf>,
        pages: &BTreeMap<PathBuf, Page>,
    ) -> Option<String> {
        let Self { element, target } = self;
        if target.contains("://") || target.starts_with("//") {
            return (element != "a").then(|| format!("loads {target}"));
        }
        if target.starts_with("data:") || target.starts_with("mailto:") {
            return None;
        }
        let (path, id) =
            target.split_once('#').map_or((target.as_str(), None), |(path, id)| (path, Some(id)));
        let path = if path.is_empty() { file.to_owned() } else { resolved(file, path) };
        if !files.contains(&path) {
            return Some(format!("{target}: there is no such file"));
        }
        let id = id?;
        let is_there = pages.get(&path).is_some_and(|page| page.ids.contains(id));
        (!is_there && !id.is_empty()).then(|| format!("{target}: no element has this id"))
    }
}

fn resolved(file: &Path, link: &str) -> PathBuf {
    let mut path = file.parent().unwrap_or(file).to_owned();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(path.pop()),
            name => path.push(name),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<String> {
        let file = PathBuf::from("docs/a.html");
        let other = Page::read("<h1 id=\"top\">x</h1>");
        let files = ["docs/a.html", "index.html", "x.css"].map(PathBuf::from).into();
        let pages = BTreeMap::from([(file.clone(), Page::read(page)), ("index.html".into(), other)]);
        pages[&file].links.iter().filter_map(|link| link.fault(&file, &files, &pages)).collect()
    }

    #[test]
    fn a_link_to_a_missing_file_or_element_is_found() {
        let good = "<link rel=\"x\" href=\"../x.css\"><a class=\"y\" href=\"../index.html#top\">y</a>\
                    <h2 id=\"here\"><a href=\"#here\">z</a></h2><a href=\"https://example.com/#x\">e</a>\
                    <pre>&lt;a href=&quot;none.html&quot;</pre>";
        assert_eq!(found(good), [""; 0]);
        let bad = "<a href=\"none.html\">a</a><a href=\"../index.html#none\">b</a><a href=\"#none\">c</a>";
        assert_eq!(
            found(bad),
            [
                "none.html: there is no such file",
                "../index.html#none: no element has this id",
                "#none: no element has this id"
            ]
        );
    }

    #[test]
    fn what_is_loaded_from_another_host_is_found() {
        let page = "<script src=\"https://example.com/a.js\"></script><link href=\"//example.com/a.css\">";
        assert_eq!(found(page), ["loads //example.com/a.css", "loads https://example.com/a.js"]);
        let style = "a{background:url(x.png)}b{background:url(\"https://example.com/x.png\")}\
                     c{background:url('data:image/svg+xml,<svg xmlns=\"http://www.w3.org/2000/svg\">')}";
        assert_eq!(remote_styles(style).count(), 1);
    }
}
