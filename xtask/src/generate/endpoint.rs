//! A new endpoint: what the command line says about it, and the files that follow.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::names::{self, Route};
use super::spec::{Access, Endpoint, pascal};
use super::{checks, permission, texts};
use crate::checkout::Checkout;

impl Endpoint {
    /// Reads the words of the command line, and compares them with the functions that exist.
    pub fn new(checkout: &Checkout, name: &str, route: &str, access: &str, idempotent: bool) -> Result<Self> {
        names::check_function(checkout, name)?;
        let route = Route::parse(route)?;
        route.check(checkout)?;
        let access = match access {
            "public" => Access::Public,
            "signed-in" => Access::SignedIn,
            word => {
                let words = permission::words(checkout)?;
                if !words.iter().any(|known| known == word) {
                    bail!(
                        "`--as {word}` is not known; use public, signed-in, or a permission: {}",
                        words.join(", ")
                    );
                }
                Access::Permission(word.to_owned())
            }
        };
        let endpoint = Self { name: name.to_owned(), route, access, idempotent };
        if idempotent && endpoint.access == Access::Public {
            bail!("`--idempotent` needs a caller; use `--as signed-in` or a permission, or leave it out");
        }
        if idempotent && endpoint.route.method == "GET" {
            bail!("`--idempotent` is for changes; leave it out for GET");
        }
        Ok(endpoint)
    }

    /// Reads an endpoint that `new` has written, or returns nothing if it cannot be one.
    pub fn read(checkout: &Checkout, name: &str) -> Option<Self> {
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
        } else {
            let named = |word: &String| has(&format!("Caller<{}>", pascal(word)));
            Access::Permission(words.into_iter().find(named)?)
        };
        let idempotent = has("Result<IdempotentResponse>");
        Some(Self { name: name.to_owned(), route, access, idempotent })
    }

    /// Returns its files, formatted: five to look after, and the sample event.
    pub fn files(&self) -> Result<Vec<(String, String)>> {
        let folder = format!("functions/{}", self.name);
        Ok(vec![
            (format!("{folder}/Cargo.toml"), texts::manifest(self)),
            (format!("{folder}/function.yaml"), texts::fragment(self)),
            (format!("{folder}/src/main.rs"), formatted(&texts::main(self))?),
            (format!("{folder}/src/lib.rs"), formatted(&texts::handler(self))?),
            (format!("{folder}/tests.rs"), formatted(&checks::test(self))?),
            (self.sample(), checks::sample(self)),
        ])
    }

    /// Returns the file of its sample event.
    #[must_use]
    pub fn sample(&self) -> String {
        format!("events/{}.json", self.name)
    }

    /// Returns what only a person can decide.
    pub fn decisions(&self, checkout: &Checkout) -> Vec<String> {
        let name = &self.name;
        let mut decisions =
            vec![format!("what it takes, does and returns: functions/{name}/src/lib.rs, then its tests.rs")];
        let tag = self.tag();
        let tags =
            fs::read_to_string(checkout.root().join("catalogue/src/openapi/mod.rs")).unwrap_or_default();
        if !tags.contains(&format!("(name = \"{tag}\"")) {
            decisions.push(format!(
                "the description of the group `{tag}`: add this tag to catalogue/src/openapi/mod.rs"
            ));
        }
        let reviewed = "tests/house/access.rs";
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

fn formatted(code: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=110,use_small_heuristics=Max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt; `rustup component add rustfmt` installs it")?;
    rustfmt.stdin.take().context("no input")?.write_all(code.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        bail!("rustfmt cannot read the new code; see above");
    }
    Ok(String::from_utf8(output.stdout)?)
}
