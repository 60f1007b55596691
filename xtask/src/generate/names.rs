//! The names and routes that a new endpoint may have.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;

/// A function's name has 64 characters at most, as Lambda allows. It begins with the stack's name, which may have 42
/// characters, and a dash.
const LONGEST: usize = 64 - 42 - 1;

/// With a longer name, lines that hold it twice would not fit the width of the code.
const LONGEST_WORDS: usize = 40;

/// Names that are words of Rust or its own crates.
const OF_RUST: &[&str] = &[
    "alloc", "as", "async", "await", "box", "break", "const", "continue", "core", "crate", "dyn", "else",
    "enum", "extern", "false", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod", "move",
    "mut", "pub", "ref", "return", "self", "static", "std", "struct", "super", "test", "trait", "true",
    "try", "type", "unsafe", "use", "where", "while", "yield",
];

/// Checks the name of a new function.
pub(super) fn check_function(checkout: &Checkout, name: &str) -> Result<()> {
    if !name.split('-').all(is_word) {
        bail!(
            "the name `{name}` is not valid; use words of lower-case letters and digits, as in orders-create"
        );
    }
    if name.len() > LONGEST {
        bail!(
            "the name `{name}` has {} characters; use at most {LONGEST}, so that it fits behind a stack's name",
            name.len()
        );
    }
    if OF_RUST.contains(&name) {
        bail!("the name `{name}` is a word of Rust; choose another one, as in orders-create");
    }
    if checkout.root().join("functions").join(name).exists() {
        bail!(
            "functions/{name} exists; choose another name, or remove it with `cargo xtask remove endpoint {name}`"
        );
    }
    let lock = fs::read_to_string(checkout.root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let same = |line: &str| {
        line.strip_prefix("name = \"")
            .and_then(|rest| rest.strip_suffix('"'))
            .is_some_and(|package| package.replace('_', "-") == name)
    };
    if lock.lines().any(same) {
        bail!("a package is named `{name}`, see Cargo.lock; choose another name, as in orders-create");
    }
    Ok(())
}

pub(super) fn is_word(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Checks a name in snake case, as events, tasks and modules have it. `kind` and `example` are for the message.
pub(super) fn check_words(kind: &str, name: &str, example: &str) -> Result<()> {
    if !name.split('_').all(is_word) || name.len() > LONGEST_WORDS {
        bail!(
            "the name `{name}` of the {kind} is not valid; use up to {LONGEST_WORDS} letters in lower case, as in {example}"
        );
    }
    if OF_RUST.contains(&name) {
        bail!("the name `{name}` of the {kind} is a word of Rust; choose another one, as in {example}");
    }
    Ok(())
}

/// A method and a path with a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) path: String,
}

impl Route {
    /// Reads a route, as in `POST /api/v1/orders/`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let example = "write it as in \"POST /api/v1/orders/\"";
        let Some((method, path)) = text.split_once(' ') else {
            bail!("the route `{text}` has no method and path; {example}");
        };
        if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method) {
            bail!("the method `{method}` is not supported; use GET, POST, PUT, PATCH or DELETE");
        }
        let parts = path.strip_prefix("/api/v").and_then(|rest| rest.strip_suffix('/'));
        let Some((version, rest)) = parts.and_then(|parts| parts.split_once('/')) else {
            bail!(
                "the path `{path}` is not valid; begin it with /api/v1/ and end it with a slash; {example}"
            );
        };
        if version.is_empty() || !version.bytes().all(|b| b.is_ascii_digit()) {
            bail!("the path `{path}` has no version; begin it with /api/v1/");
        }
        let mut names = Vec::new();
        for (place, segment) in rest.split('/').enumerate() {
            let parameter = parameter(segment);
            let text = parameter.unwrap_or(segment);
            let extra = if parameter.is_some() { b'_' } else { b'-' };
            let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == extra;
            let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
            if !begins || !text.bytes().all(letters) || place == 0 && parameter.is_some() {
                bail!("the part `{segment}` of the path is not valid; use words as in orders or {{uuid}}");
            }
            if let Some(name) = parameter {
                if names.contains(&name) || OF_RUST.contains(&name) || OF_HANDLERS.contains(&name) {
                    bail!(
                        "the parameter `{segment}` is used twice or has another meaning in a handler; rename it"
                    );
                }
                names.push(name);
            }
        }
        Ok(Self { method: method.to_owned(), path: path.to_owned() })
    }

    /// Returns the names of the path's parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(parameter)
    }

    /// Returns the path as template.yaml has it, without the slash at its end.
    pub(super) fn resource(&self) -> &str {
        self.path.trim_end_matches('/')
    }

    /// Fails if a function has this route already, or a path that API Gateway cannot have next to it.
    pub(super) fn check(&self, checkout: &Checkout) -> Result<()> {
        for function in checkout.functions()? {
            let file = format!("functions/{function}/function.yaml");
            let text = fs::read_to_string(checkout.root().join(&file)).unwrap_or_default();
            for (method, path) in routes(&text) {
                if path == self.resource() && method == self.method {
                    bail!(
                        "the route {method} {path}/ belongs to the function {function}; choose another one"
                    );
                }
                if let Some((ours, theirs)) = clash(self.resource(), &path) {
                    bail!(
                        "the parameter {ours} is called {theirs} in {file}; API Gateway allows one name at one place, so use {theirs}"
                    );
                }
            }
        }
        Ok(())
    }
}

/// What the text of a handler calls its own.
const OF_HANDLERS: &[&str] = &["app", "body", "caller", "name", "request", "tx", "user"];

fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Returns the methods and paths of a function.yaml.
pub(super) fn routes(text: &str) -> Vec<(String, String)> {
    let value = |line: &str, key: &str| {
        let rest = line.split_once(key)?.1.trim_start();
        let quoted = rest.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
        let plain = rest.split([',', ' ']).next().map(|text| text.trim_end_matches('}'));
        quoted.or(plain).map(str::to_owned)
    };
    let of_line = |line: &str| Some((value(line, "Method:")?, value(line, "Path:")?));
    text.lines().filter_map(of_line).collect()
}

/// Returns the first parameter that has another name at the same place of both paths.
fn clash<'a>(ours: &'a str, theirs: &'a str) -> Option<(&'a str, &'a str)> {
    let mut pairs = ours.split('/').zip(theirs.split('/')).skip_while(|(ours, theirs)| ours == theirs);
    pairs.next().filter(|(ours, theirs)| {
        parameter(ours).is_some_and(|name| !name.ends_with('+'))
            && parameter(theirs).is_some_and(|name| !name.ends_with('+'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, part: &str) {
        let error = Route::parse(text).expect_err("it is refused").to_string();
        assert!(error.contains(part), "{text}: {error}");
    }

    #[test]
    fn a_route_that_api_gateway_cannot_have_is_refused() {
        let route = Route::parse("DELETE /api/v1/orders/{uuid}/").unwrap();
        assert_eq!((route.method.as_str(), route.resource()), ("DELETE", "/api/v1/orders/{uuid}"));
        assert_eq!(route.parameters().collect::<Vec<_>>(), ["uuid"]);
        refused("/api/v1/orders/", "has no method and path");
        refused("FETCH /api/v1/orders/", "the method `FETCH` is not supported");
        refused("post /api/v1/orders/", "the method `post` is not supported");
        refused("GET /api/v1/orders", "end it with a slash");
        refused("GET /orders/", "begin it with /api/v1/");
        refused("GET /api/vx/orders/", "has no version");
        refused("GET /api/v1//", "the part `` of the path");
        refused("GET /api/v1/Orders/", "the part `Orders`");
        refused("GET /api/v1/orders/{a-b}/", "the part `{a-b}`");
        refused("GET /api/v1/orders/{id}/x/{id}/", "used twice");
        refused("GET /api/v1/orders/{body}/", "another meaning");
        refused("GET /api/v1/{id}/", "the part `{id}`");
        refused("GET /api/v1/a\"b/", "the part");
    }

    #[test]
    fn routes_of_a_function_are_read_and_compared() {
        let text = "Events:\n  A: {Type: Api, Properties: {RestApiId: !Ref Api, Path: '/api/v1/x/{id}', Method: PATCH}}\n  \
                    B: {Type: Api, Properties: {Path: /docs, Method: GET}}\n";
        let pairs = [("PATCH", "/api/v1/x/{id}"), ("GET", "/docs")];
        assert_eq!(routes(text), pairs.map(|(method, path)| (method.to_owned(), path.to_owned())));
        assert_eq!(clash("/a/{uuid}", "/a/{id}/b"), Some(("{uuid}", "{id}")));
        assert_eq!(clash("/a/{id}", "/a/{id}/b"), None);
        assert_eq!(clash("/a/{id}", "/a/me"), None);
        assert_eq!(clash("/b/{id}", "/a/{uuid}"), None);
    }
}
