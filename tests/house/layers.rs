//! Six layers: interfaces → app → application → infrastructure → config → domain, and never the other way.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::imports::{self, Import};

/// Outermost first. Each may use the layers after it. `domain` uses no other layer. `telemetry` is not a layer, and
/// all layers except `domain` may use it.
const LAYERS: [&str; 7] =
    ["interfaces", "app", "application", "infrastructure", "config", "domain", "telemetry"];

/// Crates of the outer world that a layer must not know, by the beginning of their names.
const FOREIGN: [(&str, &[&str]); 3] = [
    ("domain", &["lambda_", "aws_", "tokio", "deadpool", "rustls", "jsonwebtoken", "argon2"]),
    ("application", &["lambda_", "aws_", "tokio_postgres", "deadpool", "rustls", "jsonwebtoken", "argon2"]),
    ("infrastructure", &["lambda_"]),
];

/// Returns the crates in `text` (a file of `layer`) that its layer must not use.
fn foreign_crates(layer: &str, text: &str) -> Vec<String> {
    let forbidden = FOREIGN.iter().find(|(name, _)| *name == layer).map_or(&[][..], |(_, crates)| *crates);
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| {
        line.split("::")
            .map(|part| part.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
    });
    words.filter(|word| forbidden.iter().any(|name| word.starts_with(name))).map(str::to_owned).collect()
}

/// Whether a file names a layer above its own. For `domain`, every other layer is above.
fn looks_outwards(import: &Import) -> bool {
    let layer = |module: &[String]| {
        let name = module.first().map(String::as_str);
        LAYERS.iter().position(|layer| Some(*layer) == name)
    };
    match (layer(&import.from), layer(&import.to)) {
        (Some(from), Some(to)) => to < from || (LAYERS[from] == "domain" && to != from),
        // The root of the crate and what serves tests stand above all layers.
        (Some(_), None) => true,
        (None, _) => false,
    }
}

pub(super) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of source files");
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
    let imports = imports::read(&core);
    let layers: BTreeSet<_> =
        imports.iter().filter_map(|import| import.from.first()).map(String::as_str).collect();
    assert!(imports.len() > 2000, "only {} imports were read: has the core moved?", imports.len());
    assert!(LAYERS[..6].iter().all(|layer| layers.contains(layer)), "a layer is empty: {layers:?}");
    let faults = imports.iter().filter(|import| looks_outwards(import));
    let faults: Vec<_> =
        faults.map(|Import { from, path, .. }| format!("{}: {path}", from.join("/"))).collect();
    assert!(faults.is_empty(), "a layer uses one above it:\n{}", faults.join("\n"));
}

/// HTTP and RPC share API Gateway (`gateway`) and admission (`access`), and nothing else.
#[test]
fn http_and_rpc_do_not_use_each_other() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let imports = imports::read(&core);
    let between = |from: &str, to: &str| {
        let part = |module: &[String], name: &str| module.starts_with(&["interfaces".into(), name.into()]);
        let found = imports.iter().filter(|import| part(&import.from, from) && part(&import.to, to));
        found.map(|import| format!("{}: {}", import.from.join("/"), import.path)).collect::<Vec<_>>()
    };
    assert!(between("rpc", "gateway").len() > 10, "has the code moved?");
    for (from, to) in
        [("rpc", "http"), ("http", "rpc"), ("gateway", "http"), ("gateway", "access"), ("access", "http")]
    {
        assert_eq!(between(from, to), [""; 0], "{from} uses {to}");
    }
}

#[test]
fn no_layer_knows_a_crate_of_the_outer_world() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let (mut faults, mut read) = (Vec::new(), 0);
    for (layer, _) in FOREIGN {
        for path in files(&core.join(layer)) {
            read += 1;
            let text = fs::read_to_string(&path).expect("a source file");
            let found = foreign_crates(layer, &text).into_iter();
            faults.extend(found.map(|name| format!("{}: {name}", path.display())));
        }
    }
    assert!(read > 30, "only {read} files were read: has the core moved?");
    assert!(faults.is_empty(), "a layer uses a crate of the outer world:\n{}", faults.join("\n"));
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
    let looks = |layer: &str, text: &str| {
        let file = |path: &[&str], text: &str| {
            (path.iter().map(|&part| part.to_owned()).collect::<Vec<_>>(), text.to_owned())
        };
        let declare = "mod app; mod application; mod config; mod domain; mod infrastructure; mod interfaces; \
                       mod telemetry; mod testing; pub use interfaces::http::Json as Passed; pub fn root() {}";
        let files = BTreeMap::from([
            file(&[], declare),
            file(&["app"], "pub struct App;"),
            file(&["application"], "pub struct UseCase;"),
            file(&["config"], "pub struct Config;"),
            file(&["domain"], "pub struct Error;"),
            file(&["infrastructure"], "pub struct Db;"),
            file(&["interfaces"], "pub mod http; pub use http::Json;"),
            file(&["interfaces", "http"], "pub struct Json; pub fn respond() {}"),
            file(&["telemetry"], "pub fn log() {}"),
            file(&["testing"], "pub struct TestApp;"),
            file(&[layer, "probe"], text),
        ]);
        let found = imports::of(&files);
        found.iter().any(|import| import.from == [layer, "probe"] && looks_outwards(import))
    };
    for text in [
        "use crate::interfaces::http::Json;",
        "use crate::interfaces::Json;",
        "use crate::{domain::Error, interfaces::http};",
        "use crate::interfaces as outer; fn f() { outer::http::respond() }",
        "use crate::{\n    domain::{Error, Result},\n    app::App,\n};",
        "use super::super::application::UseCase;",
        "pub use crate::app::App;",
        "pub(crate) use crate::app::*;",
        "use crate::Passed;",
        "use crate::testing::TestApp;",
        "fn f(_: crate::application::UseCase) {}",
        "fn f() { println!(\"{}\", super::super::interfaces::http::respond()) }",
        "fn f() { crate::root() }",
    ] {
        assert!(looks("infrastructure", text), "{text}");
    }
    for (layer, text) in [
        ("interfaces", "use crate::{app::App, application::UseCase};"),
        ("app", "use crate::{application::UseCase, infrastructure::Db};"),
        ("application", "use crate::{infrastructure::Db, telemetry::log};"),
        ("infrastructure", "use crate::{config::Config, domain::Error}; pub(crate) fn f() {}"),
        ("config", "use crate::domain::Error;"),
    ] {
        assert!(!looks(layer, text), "{text}");
    }
    for (layer, text) in [
        ("app", "use crate::interfaces::Json;"),
        ("config", "use crate::infrastructure::Db;"),
        ("domain", "use crate::telemetry::log;"),
        ("domain", "use crate::config::Config;"),
        ("telemetry", "use crate::domain::Error;"),
    ] {
        assert!(looks(layer, text), "{text}");
    }
}
