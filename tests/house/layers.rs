//! interfaces → application → infrastructure → domain, and never the other way.

use std::{fs, path::Path};

/// Outermost first; each may look at what stands behind it.
const LAYERS: [&str; 4] = ["interfaces", "application", "infrastructure", "domain"];

/// Crates of the outer world that a layer must not know, by the beginning of their names.
const FOREIGN: [(&str, &[&str]); 3] = [
    ("domain", &["lambda_", "aws_", "tokio", "deadpool", "rustls", "jsonwebtoken", "argon2"]),
    ("application", &["lambda_", "aws_", "tokio_postgres", "deadpool", "rustls", "jsonwebtoken", "argon2"]),
    ("infrastructure", &["lambda_"]),
];

/// Crates in `text` (a file of `layer`) that are none of its business.
fn foreign_crates(layer: &str, text: &str) -> Vec<String> {
    let forbidden = FOREIGN.iter().find(|(name, _)| *name == layer).map_or(&[][..], |(_, crates)| *crates);
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| {
        line.split("::")
            .map(|part| part.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
    });
    words.filter(|word| forbidden.iter().any(|name| word.starts_with(name))).map(str::to_owned).collect()
}

/// Paths in `text` (a file of `layer`) that look outwards.
fn outward_looks(layer: &str, text: &str) -> Vec<String> {
    let place = LAYERS.iter().position(|l| *l == layer).expect("a layer");
    // `app` composes and may be known by interfaces only.
    let mut forbidden: Vec<&str> = LAYERS[..place].to_vec();
    if layer != "interfaces" {
        forbidden.push("app");
    }
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    // `use crate::{…}` in one go or line by line: whatever follows `crate::` or opens a branch in it.
    let compact: String = code.split_whitespace().collect();
    let mut looks = Vec::new();
    for at in compact.match_indices("crate::").map(|(at, found)| at + found.len()) {
        let rest = &compact[at..];
        let roots = match rest.strip_prefix('{') {
            Some(tree) => roots(tree),
            None => vec![word(rest)],
        };
        looks.extend(
            roots.into_iter().filter(|root| forbidden.contains(root)).map(|root| format!("crate::{root}")),
        );
    }
    looks
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The first word of each branch of a use tree whose brace has just been opened.
fn roots(tree: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(word(&tree[start..at]));
                return found;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(word(&tree[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the core");
    entries
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

#[test]
fn no_layer_looks_outwards() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let mut faults = Vec::new();
    let mut read = 0;
    for layer in LAYERS {
        for path in files(&core.join(layer)) {
            read += 1;
            let text = fs::read_to_string(&path).expect("a source file");
            faults.extend(
                outward_looks(layer, &text).into_iter().map(|look| format!("{}: {look}", path.display())),
            );
        }
    }
    assert!(read > 30, "only {read} files were read: has the core moved?");
    assert!(faults.is_empty(), "a layer looks the wrong way:\n{}", faults.join("\n"));
}

/// Functions that `manifest` (a Cargo.toml of one of them) depends on.
fn functions_in(manifest: &str, functions: &[String]) -> Vec<String> {
    let names = manifest.lines().filter_map(|line| {
        let name = line.split(['=', '.', ' ']).next().unwrap_or_default().trim();
        // A dependency may have another name here.
        let package = line.split("package = \"").nth(1).and_then(|rest| rest.split('"').next());
        let path = line.split("path = \"../").nth(1).and_then(|rest| rest.split('"').next());
        [package, path, Some(name)].into_iter().flatten().find(|name| functions.iter().any(|f| f == name))
    });
    names.map(str::to_owned).collect()
}

/// Functions are deployed separately. Code that two of them share belongs into the core.
#[test]
fn no_function_depends_on_another_function() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let entries = fs::read_dir(&folder).expect("functions");
    let functions: Vec<String> =
        entries.filter_map(|entry| entry.expect("an entry").file_name().into_string().ok()).collect();
    assert!(functions.len() > 20, "only {functions:?} were found");
    let faults = functions.iter().flat_map(|function| {
        let manifest = fs::read_to_string(folder.join(function).join("Cargo.toml")).expect("a manifest");
        let others = functions_in(&manifest, &functions);
        others
            .into_iter()
            .map(move |other| format!("{function} depends on {other}: put what they share into core"))
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_function_in_a_manifest_is_found_in_every_spelling() {
    let functions = ["docs", "users-me"].map(str::to_owned);
    let found = |line: &str| functions_in(&format!("[package]\nname = \"grpc\"\n{line}\n"), &functions);
    for line in [
        "users-me = { path = \"../users-me\" }",
        "users-me.workspace = true",
        "users-me.path = \"../users-me\"",
        "me = { package = \"users-me\", path = \"../users-me\" }",
        "[dependencies.me]\npath = \"../users-me\"",
    ] {
        assert_eq!(found(line), ["users-me"], "{line}");
    }
    assert_eq!(found("app-core.workspace = true\ndescription = \"users-me\""), [""; 0]);
}

#[test]
fn a_crate_of_the_outer_world_is_found() {
    assert_eq!(foreign_crates("domain", "use lambda_http::Request;").len(), 1);
    assert_eq!(foreign_crates("application", "fn f(c: &tokio_postgres::Client) {}").len(), 1);
    assert_eq!(foreign_crates("infrastructure", "    let x = lambda_runtime::run(y);").len(), 1);
    assert!(foreign_crates("application", "use tokio::time::Instant;").is_empty());
    assert!(foreign_crates("infrastructure", "use tokio_postgres::Row;").is_empty());
}

#[test]
fn an_outward_look_is_found_in_every_spelling() {
    for text in [
        "use crate::interfaces::http::Json;",
        "use crate::{domain::Error, interfaces::http};",
        "use crate::{\n    domain::{Error, Result},\n    app::App,\n};",
        "fn f(_: crate::application::users::Created) {}",
    ] {
        assert_eq!(outward_looks("infrastructure", text).len(), 1, "{text}");
    }
    assert!(outward_looks("infrastructure", "use crate::{config::Config, domain::{app, Error}};").is_empty());
    assert!(outward_looks("interfaces", "use crate::{app::App, application::users};").is_empty());
}
