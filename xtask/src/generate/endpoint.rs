//! A new endpoint: what the command line says about it, and the files that follow.

use std::fs;

use anyhow::{Result, bail};

use super::names::{self, Route};
use super::plan::{self, Plan};
use super::rust::formatted;
use super::spec::{Access, Endpoint, Listed, pascal};
use super::{catalogue, checks, files_in, permission, texts};
use crate::checkout::Checkout;

/// What the command line says about an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub name: &'a str,
    pub route: &'a str,
    pub access: &'a str,
    pub idempotent: bool,
    /// The domain whose rows it lists.
    pub list: Option<&'a str>,
}

/// Returns what adds an endpoint.
pub fn add(checkout: &Checkout, asked: Asked<'_>) -> Result<Plan> {
    let endpoint = Endpoint::new(checkout, asked)?;
    endpoint.check(checkout)?;
    Ok(Plan {
        written: endpoint.files()?,
        documents: true,
        decisions: endpoint.decisions(checkout),
        tests: Some(format!("--test api functions::{}", endpoint.module())),
        ..Plan::default()
    })
}

/// Returns what removes an endpoint that `new endpoint` wrote. Changed files go only with `force`.
pub fn remove(checkout: &Checkout, name: &str, force: bool) -> Result<Plan> {
    checkout.function(name)?;
    if !catalogue::lists(checkout, name)? {
        bail!("{} does not list {name}, so it is no endpoint; remove its folder by hand", catalogue::FILE);
    }
    let files = files_of(checkout, name)?;
    if !force {
        let written = Endpoint::read(checkout, name).map(|endpoint| endpoint.files()).transpose()?;
        plan::unchanged(checkout, &format!("endpoint {name}"), &files, &written.unwrap_or_default())?;
    }
    Ok(Plan { removed: files, documents: true, ..Plan::default() })
}

impl Endpoint {
    /// Reads the words of the command line, and compares them with the functions that exist.
    fn new(checkout: &Checkout, asked: Asked<'_>) -> Result<Self> {
        let Asked { name, route, access, idempotent, list } = asked;
        let route = Route::parse(route)?;
        let access = match access {
            "public" => Access::Public,
            "signed-in" => Access::SignedIn,
            "recent" => Access::Recent,
            word => {
                let words = permission::words(checkout)?;
                if !words.iter().any(|known| known == word) {
                    bail!(
                        "`--as {word}` is not known; use public, signed-in, recent, or a permission: {}",
                        words.join(", ")
                    );
                }
                Access::Permission(word.to_owned())
            }
        };
        let list = list.map(|domain| Listed::of(checkout, domain)).transpose()?;
        let endpoint = Self { name: name.to_owned(), route, access, idempotent, emits: false, list };
        if let Some(list) = &endpoint.list {
            list.check(&endpoint)?;
        }
        if idempotent && endpoint.access == Access::Public {
            bail!("`--idempotent` needs a caller; use `--as signed-in` or a permission, or leave it out");
        }
        if idempotent && endpoint.route.method == "GET" {
            bail!("`--idempotent` is for changes; leave it out for GET");
        }
        Ok(endpoint)
    }

    /// Fails if a function of its name or with its route exists.
    pub(super) fn check(&self, checkout: &Checkout) -> Result<()> {
        names::check_function(checkout, &self.name)?;
        self.route.check(checkout)
    }

    /// Reads an endpoint that `new` has written, or returns nothing if it cannot be one.
    fn read(checkout: &Checkout, name: &str) -> Option<Self> {
        let folder = checkout.root().join("functions").join(name);
        let fragment = fs::read_to_string(folder.join("function.yaml")).ok()?;
        let handler = fs::read_to_string(folder.join("src/lib.rs")).ok()?;
        let [(method, path)] = &names::routes(&fragment)[..] else { return None };
        let route = Route::parse(&format!("{method} {path}/")).ok()?;
        let words = permission::words(checkout).ok()?;
        let has = |text: &str| handler.contains(text);
        let access = if has("_: Public") {
            Access::Public
        } else if has("Caller<SignedIn>") {
            Access::SignedIn
        } else if has("Caller<Recent<SignedIn>>") {
            Access::Recent
        } else {
            let named = |word: &String| has(&format!("Caller<{}>", pascal(word)));
            Access::Permission(words.into_iter().find(named)?)
        };
        let idempotent = has("Result<IdempotentResponse>");
        let list = Listed::in_handler(checkout, &handler);
        Some(Self { name: name.to_owned(), route, access, idempotent, emits: false, list })
    }

    /// Returns its files, formatted: five to look after, and the sample event.
    pub(super) fn files(&self) -> Result<Vec<(String, String)>> {
        let folder = format!("functions/{}", self.name);
        let handler = formatted(&texts::handler(self))?;
        Ok(vec![
            (format!("{folder}/Cargo.toml"), texts::manifest(&self.name, &handler)),
            (format!("{folder}/function.yaml"), texts::fragment(self)),
            (format!("{folder}/src/main.rs"), formatted(&texts::main(self))?),
            (format!("{folder}/src/lib.rs"), handler),
            (format!("{folder}/tests.rs"), formatted(&checks::test(self))?),
            (self.sample(), checks::sample(self)),
        ])
    }

    /// Returns the file of its sample event.
    fn sample(&self) -> String {
        format!("events/{}.json", self.name)
    }

    /// Returns what only a person can decide.
    fn decisions(&self, checkout: &Checkout) -> Vec<String> {
        let name = &self.name;
        let mut decisions =
            vec![format!("what it takes, does and returns: functions/{name}/src/lib.rs, then its tests.rs")];
        decisions.extend(self.list.iter().flat_map(|list| list.decisions(self)));
        let tag = self.tag();
        let tags =
            fs::read_to_string(checkout.root().join("catalogue/src/openapi/mod.rs")).unwrap_or_default();
        if !tags.contains(&format!("(name = \"{tag}\"")) {
            decisions.push(format!(
                "the description of the group `{tag}`: add this tag to catalogue/src/openapi/mod.rs"
            ));
        }
        let reviewed = "tests/house/access.rs";
        if self.access == Access::Recent {
            decisions.push(format!(
                "why its user has to prove their identity again: add it to STEP_UP in {reviewed}"
            ));
        }
        if self.access == Access::Public {
            decisions.push(format!(
                "why everyone may call it, and whether it needs a limit: add it to PUBLIC in {reviewed}"
            ));
        } else if self.route.method != "GET" && !self.idempotent {
            decisions.push(format!(
                "why it takes no Idempotency-Key: add it to WITHOUT_KEY in {reviewed}, or use --idempotent"
            ));
        } else if matches!(self.access, Access::Permission(_)) {
            decisions.push("whether API keys may call it, too: then its caller is a KeyOrCaller".to_owned());
        }
        decisions
    }
}

/// Returns all files of the function, as paths in the checkout.
pub(super) fn files_of(checkout: &Checkout, name: &str) -> Result<Vec<String>> {
    let mut files = files_in(checkout, &format!("functions/{name}"))?;
    for entry in fs::read_dir(checkout.root().join("events"))? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        if file.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')) {
            files.push(format!("events/{file}"));
        }
    }
    files.sort();
    Ok(files)
}
