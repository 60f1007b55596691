//! `up --watch`: what changed in the sources, and bringing it into the running stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;

use crate::binaries;
use crate::checkout::Checkout;
use crate::commands::develop::template;
use crate::process;
use crate::stack::{Stack, bin_dir};
use crate::ui;

/// What functions and their stack are made of. The function `docs` contains the OpenAPI document, and `grpc` is
/// generated from `protos`.
const SOURCES: [&str; 8] = [
    "core",
    "functions",
    "migrations",
    "protos",
    "docs/openapi.json",
    "Cargo.toml",
    "template.yaml",
    "template.base.yaml",
];

/// The sources as they were last seen.
///
/// They are looked at again and again: a few hundred files cost a millisecond or two, and unlike
/// the system's notifications it works on every file system.
#[derive(Debug)]
pub struct Watch {
    seen: BTreeMap<PathBuf, SystemTime>,
}

impl Watch {
    /// Begins with the sources as they are now.
    #[must_use]
    pub fn new(checkout: &Checkout) -> Self {
        Self { seen: sources(checkout.root()) }
    }

    /// Looks once; brings what changed into the stack and says how long that took.
    pub fn look(&mut self, stack: &mut Stack) {
        let now = sources(stack.checkout.root());
        if now == self.seen {
            return;
        }
        let changed: Vec<PathBuf> = now
            .iter()
            .filter(|(path, time)| self.seen.get(*path) != Some(*time))
            .map(|(path, _)| path.clone())
            .chain(self.seen.keys().filter(|path| !now.contains_key(*path)).cloned())
            .collect();
        let edited = changed.iter().filter_map(|path| now.get(path)).max().copied();
        let edited = edited.unwrap_or_else(SystemTime::now);
        self.seen = now;
        // An error in the sources is shown; the stack keeps running the old binaries.
        if let Err(error) = apply(stack, &changed, edited) {
            ui::report(&error);
        }
    }
}

fn apply(stack: &mut Stack, changed: &[PathBuf], edited: SystemTime) -> Result<()> {
    for path in changed {
        let shown = path.strip_prefix(stack.checkout.root()).unwrap_or(path);
        ui::heading(&format!("{} changed", shown.display()));
    }
    let deployed = stack.checkout.root().join("template.yaml");
    let has = |wanted: &dyn Fn(&Path) -> bool| changed.iter().any(|path| wanted(path));
    if has(&|path| *path != deployed && !is_part(path)) {
        // A folder may be new.
        stack.functions = stack.checkout.functions()?;
        binaries::build(&stack.checkout, &stack.functions)?;
        let bin = bin_dir(&stack.folder);
        let rebuilt = binaries::link(&stack.checkout, &stack.functions, &bin, &mut stack.known)?;
        if has(&|path| path.extension().is_some_and(|extension| extension == "sql")) {
            stack.migrate()?;
        }
        // The emulator starts the new binaries at the next request.
        process::end_programs_in(&bin, &rebuilt);
        let names = if rebuilt.is_empty() { "no function changed".to_owned() } else { rebuilt.join(", ") };
        ui::say(&format!("{names}: served {:.1} s after the edit", since(edited)));
    }
    if has(&is_part) && template::write(&stack.checkout)? {
        // The next look finds the new template, and deploys it.
        ui::say("template.yaml: generated from its parts");
    }
    if has(&|path| *path == deployed) {
        stack.deploy()?;
        stack.save()?;
        ui::say(&format!("template.yaml: deployed {:.1} s after the edit", since(edited)));
    }
    Ok(())
}

/// Whether template.yaml is generated from this file.
fn is_part(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "function.yaml" || name == "template.base.yaml")
}

fn since(edited: SystemTime) -> f32 {
    edited.elapsed().unwrap_or_default().as_secs_f32()
}

fn sources(root: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for part in SOURCES {
        collect(&root.join(part), &mut found);
    }
    found
}

fn collect(path: &Path, found: &mut BTreeMap<PathBuf, SystemTime>) {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let Ok(about) = fs::metadata(path) else {
        return;
    };
    if hidden {
        return;
    }
    if about.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), found);
        }
        return;
    }
    let watched = path.extension().is_some_and(|extension| {
        ["rs", "toml", "sql", "yaml", "txt", "json", "pem", "html", "js", "proto"]
            .iter()
            .any(|known| extension == *known)
    });
    if let (true, Ok(modified)) = (watched, about.modified()) {
        found.insert(path.to_path_buf(), modified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_what_a_function_contains_is_seen() {
        let checkout = Checkout::find().expect("the checkout");
        let found = sources(checkout.root());
        for file in [
            "core/src/lib.rs",
            "docs/openapi.json",
            "functions/users-me/function.yaml",
            "functions/docs/src/pages/redoc.html",
            "migrations/0001_users.up.sql",
            "protos/debug.proto",
            "template.base.yaml",
        ] {
            assert!(found.contains_key(&checkout.root().join(file)), "{file}");
        }
        assert!(!found.contains_key(&checkout.root().join("docs/errors.md")));
    }
}
