//! A new domain: table, entity, event, repository, use cases and endpoints, with one line in each list that names
//! its modules.
//!
//! The texts are in this folder. There the domain is called `gadgets`; `Domain::fill` puts the new name in
//! its place.

mod personal;
mod texts;
mod words;

use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use super::names::{Route, check_words};
use super::plan::{self, Plan};
use super::rust::{formatted, with_line, with_module, without_line};
use super::spec::{Access, Endpoint};
use super::{endpoint, files_in, migration, read};
use crate::checkout::Checkout;
use words::Words;

const TABLE: &str = "core/src/application/handlers/mod.rs";
const RESPONSES: &str = "core/src/interfaces/http/responses/mod.rs";

/// The lists of modules that a domain is in.
const MODULES: [&str; 3] =
    ["core/src/domain/mod.rs", "core/src/infrastructure/repository/mod.rs", "core/src/application/mod.rs"];

/// What an endpoint of a domain does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Part {
    /// POST; every domain has it, unless it is left out
    #[value(skip)]
    Create,
    /// GET by its uuid
    Get,
    /// GET all, with filters, order and pages
    List,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::List => "list",
        }
    }
}

/// Returns what adds a domain with these endpoints. `one` is what one of its things is called, if that does not follow
/// from the name.
pub fn add(checkout: &Checkout, name: &str, one: Option<&str>, parts: &[Part]) -> Result<Plan> {
    Domain::new(name, one, parts)?.check(checkout)?;
    unchecked(checkout, name, one, parts)
}

/// The same, also if the project has a domain of this name.
pub fn unchecked(checkout: &Checkout, name: &str, one: Option<&str>, parts: &[Part]) -> Result<Plan> {
    let domain = Domain::new(name, one, parts)?;
    let mut written = domain.files(checkout)?;
    for file in MODULES {
        written.push((file.to_owned(), with_module(&read(checkout, file)?, &domain.module())));
    }
    let table = with_line(&read(checkout, TABLE)?, "pub fn events", "\n}\n", &domain.registration())?;
    written.push((TABLE.to_owned(), formatted(&table)?));
    written.extend(domain.registered(checkout)?);
    if domain.shares_its_response() {
        let [module, export] = domain.response_lines();
        let list = with_module(&read(checkout, RESPONSES)?, &module);
        written.push((RESPONSES.to_owned(), formatted(&with_line(&list, &module, "\n", &export)?)?));
    }
    let functions: Vec<String> = domain.endpoints()?.into_iter().map(|endpoint| endpoint.module()).collect();
    Ok(Plan {
        written,
        documents: true,
        decisions: domain.decisions(),
        tests: (!functions.is_empty()).then(|| format!("--test api {}", functions.join(" "))),
        ..Plan::default()
    })
}

/// Returns what removes a domain that `new domain` wrote. Changed files go only with `force`.
pub fn remove(checkout: &Checkout, name: &str, force: bool) -> Result<Plan> {
    let domain = Domain::read(checkout, name)?;
    let written = domain.files(checkout)?;
    let mut removed: Vec<String> = written.iter().map(|(file, _)| file.clone()).collect();
    removed.extend(files_in(checkout, &domain.folder())?);
    for endpoint in domain.endpoints()? {
        removed.extend(endpoint::files_of(checkout, &endpoint.name)?);
    }
    removed.retain(|file| checkout.root().join(file).is_file());
    removed.sort();
    removed.dedup();
    if !force {
        plan::unchanged(checkout, &format!("domain {name}"), &removed, &written)?;
    }
    let mut edited = Vec::new();
    for file in MODULES {
        edited.push((file.to_owned(), without_line(&read(checkout, file)?, &domain.module())?));
    }
    edited.push((
        TABLE.to_owned(),
        formatted(&without_line(&read(checkout, TABLE)?, &domain.registration())?)?,
    ));
    edited.extend(domain.unregistered(checkout)?);
    if domain.shares_its_response() {
        let lines = domain.response_lines();
        let list =
            lines.iter().try_fold(read(checkout, RESPONSES)?, |list, line| without_line(&list, line))?;
        edited.push((RESPONSES.to_owned(), formatted(&list)?));
    }
    let decisions = migration::applied(&removed);
    Ok(Plan { written: edited, removed, documents: true, decisions, ..Plan::default() })
}

/// Returns the file of the response that several endpoints share.
fn response_file(many: &str) -> String {
    format!("core/src/interfaces/http/responses/{many}.rs")
}

struct Domain {
    words: Words,
    parts: Vec<Part>,
}

impl Domain {
    fn new(name: &str, one: Option<&str>, parts: &[Part]) -> Result<Self> {
        let words = Words::new(name, one)?;
        check_words("domain", words.many(), "orders")?;
        check_words("domain", words.one(), "orders")?;
        let mut parts = parts.to_vec();
        parts.sort_unstable();
        parts.dedup();
        Ok(Self { words, parts })
    }

    /// Reads a domain that `new` has written.
    fn read(checkout: &Checkout, name: &str) -> Result<Self> {
        let by_hand = || format!("`new domain` has not written {name}; remove it by hand");
        let words = Words::new(name, Some("unknown"))?;
        let is_there = |file: &str| checkout.root().join(file).exists();
        if !is_there(&format!("core/src/application/{}.rs", words.many())) {
            bail!(by_hand());
        }
        let has = |part: &Part| is_there(&format!("functions/{}", words.function(part.word())));
        // Without a shared response, another endpoint was added later, and is removed separately.
        let more = if is_there(&response_file(words.many())) { &[Part::Get, Part::List][..] } else { &[] };
        let parts: Vec<Part> = [&[Part::Create], more].concat().into_iter().filter(has).collect();
        // Its event is called after one of them.
        let events = read(checkout, &format!("core/src/domain/{}/events.rs", words.many()));
        let events = events.with_context(by_hand)?;
        let one =
            events.split_once("NAME: &'static str = \"").and_then(|(_, rest)| rest.split_once("_created\""));
        Self::new(name, Some(one.with_context(by_hand)?.0), &parts)
    }

    /// Fails if something in the project has its name.
    fn check(&self, checkout: &Checkout) -> Result<()> {
        let many = self.words.many();
        for file in MODULES {
            if read(checkout, file)?.lines().any(|line| line.ends_with(&format!("mod {many};"))) {
                bail!("{file} has a module `{many}`; choose another name");
            }
        }
        for entry in fs::read_dir(checkout.root().join("migrations"))? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            if read(checkout, &format!("migrations/{file}"))?.contains(&format!("create table {many} ")) {
                bail!("migrations/{file} makes a table `{many}`; choose another name");
            }
        }
        self.endpoints()?.iter().try_for_each(|endpoint| endpoint.check(checkout))
    }

    /// Whether several endpoints return its things. Functions do not use each other, so the type is in the core then.
    fn shares_its_response(&self) -> bool {
        self.parts.iter().any(|part| *part != Part::Create)
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>> {
        self.parts.iter().map(|part| self.endpoint(*part)).collect()
    }

    fn endpoint(&self, part: Part) -> Result<Endpoint> {
        let (method, parameter) = match part {
            Part::Create => ("POST", ""),
            Part::Get => ("GET", "{uuid}/"),
            Part::List => ("GET", ""),
        };
        Ok(Endpoint {
            name: self.words.function(part.word()),
            route: Route::parse(&format!("{method} {}{parameter}", self.words.path()))?,
            access: Access::SignedIn,
            idempotent: part == Part::Create,
            emits: part == Part::Create,
            list: None,
        })
    }

    fn folder(&self) -> String {
        format!("core/src/domain/{}", self.words.many())
    }

    /// Returns its line in the lists of modules.
    fn module(&self) -> String {
        format!("pub mod {};", self.words.many())
    }

    /// Returns the line that registers the handler of its event.
    fn registration(&self) -> String {
        self.fill(".on::<super::gadgets::OnGadgetCreated>()")
    }

    /// Returns its lines in the list of responses.
    fn response_lines(&self) -> [String; 2] {
        ["mod gadgets;", "pub use gadgets::GadgetResponse;"].map(|line| self.fill(line))
    }

    fn decisions(&self) -> Vec<String> {
        let (many, path) = (self.words.many(), self.words.path());
        let mut decisions = vec![
            format!(
                "its columns: the migration {many}, {}/mod.rs, its repository, request and response",
                self.folder()
            ),
            format!(
                "what its event starts: core/src/application/{many}.rs, or a task by `.starts` in {TABLE}"
            ),
            format!("what of it is exported to its user, and what is deleted: {} in the register", many),
        ];
        if self.parts.is_empty() {
            decisions.push(format!("what creates its rows: an endpoint or a task calls `{many}::create`"));
        } else {
            let tag = self.words.kebab();
            decisions.extend([
                format!("who may call {path}: now each user has their own; a permission opens it to others"),
                format!("the description of the group `{tag}`: add this tag to catalogue/src/openapi/mod.rs"),
            ]);
        }
        decisions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_exists_or_has_no_name_is_refused() {
        let checkout = Checkout::find().unwrap();
        for (name, one, problem) in [
            ("users", None, "has a module `users`"),
            ("order", None, "`--one`"),
            ("Orders", None, "is not valid"),
            ("results", None, "has another meaning"),
            ("purchase-order-items", None, "use at most 21"),
        ] {
            let error = add(&checkout, name, one, &[Part::Create]).expect_err("it is refused").to_string();
            assert!(error.contains(problem), "{name}: {error}");
        }
        let error = remove(&checkout, "users", false).unwrap_err().to_string();
        assert!(error.contains("by hand"), "{error}");
    }

    #[test]
    fn a_domain_without_an_endpoint_has_no_function_and_says_what_creates_rows() {
        let plan = unchecked(&Checkout::find().unwrap(), "yaks", None, &[]).unwrap();
        assert!(plan.written.iter().all(|(file, _)| !file.starts_with("functions/")));
        assert!(plan.tests.is_none(), "there is no endpoint to test");
        assert!(plan.decisions.iter().any(|text| text.contains("calls `yaks::create`")));
    }

    #[test]
    fn removing_takes_back_every_edit() {
        let checkout = Checkout::find().unwrap();
        let domain = Domain::new("line-items", None, &[Part::Create, Part::Get, Part::List]).unwrap();
        for (file, text) in domain.registered(&checkout).unwrap() {
            assert!(text.contains("line_items"), "{file}");
            if file.ends_with(".rs") {
                assert_eq!(formatted(&text).unwrap(), text);
            }
        }
        for file in MODULES {
            let before = read(&checkout, file).unwrap();
            let after = with_module(&before, &domain.module());
            assert_eq!(without_line(&after, "pub mod line_items;").unwrap(), before);
        }
        let texts = domain.files(&checkout).unwrap();
        for (file, text) in &texts {
            assert!(!text.to_lowercase().contains("gadget") && !text.contains("//["), "{file}: {text}");
        }
    }
}
