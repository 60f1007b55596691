//! The table of endpoints in docs/routes.md, which is generated from the OpenAPI document.

use app_core::{domain::auth::Permission, interfaces::http::Access};
use serde_json::{Map, Value};

use crate::{Endpoint, endpoints, openapi};

/// With more query parameters than this, a list has filters, and naming each would hide the rest.
const FEW: usize = 4;

/// Returns the rows of the table.
pub(super) fn table() -> String {
    let document: Value = serde_json::from_str(&openapi::document()).expect("the document is JSON");
    let endpoints = endpoints();
    let described = endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.description()?)));
    let mut rows: Vec<_> = described
        .flat_map(|(endpoint, own)| own.paths.paths.into_keys().map(move |path| (path, endpoint)))
        .map(|(path, endpoint)| row(&document, &path, endpoint))
        .collect();
    rows.sort_unstable();
    let mut table = "| route | function | who | takes → returns |\n|---|---|---|---|\n".to_owned();
    table.extend(rows.into_iter().map(|(_, _, row)| row));
    table
}

/// Returns the path and method to sort by, and the row.
fn row(document: &Value, path: &str, endpoint: &Endpoint) -> (String, String, String) {
    let description = endpoint.description().expect("a description");
    let own = serde_json::to_value(&description.paths.paths[path]).expect("a path serialises");
    let method = own.as_object().and_then(|own| own.keys().next()).expect("a method").clone();
    let operation = &document["paths"][path][&method];
    let summary = operation["summary"].as_str().unwrap_or_default();
    let key = if endpoint.idempotent { ". Accepts an `Idempotency-Key`" } else { "" };
    let row = format!(
        "| {} {path} | {} | {} | {summary}: {} → {}{key} |\n",
        method.to_uppercase(),
        endpoint.name,
        who(endpoint.access),
        takes(document, operation),
        returns(document, operation),
    );
    (path.to_owned(), method, row)
}

fn who(access: Access) -> String {
    let word = Permission::as_str;
    match access {
        Access::Public => "anyone".into(),
        Access::RefreshToken => "*refresh* token".into(),
        Access::SessionToken => "*access* or *refresh* token".into(),
        Access::SignedIn => "*access* token".into(),
        Access::Permission(permission) => format!("`{}`", word(permission)),
        Access::Recent(None) => "*access* token, recent proof".into(),
        Access::Recent(Some(permission)) => format!("`{}`, recent proof", word(permission)),
        Access::PermissionOrKey(permission) => format!("`{}`, or a key", word(permission)),
    }
}

fn takes(document: &Value, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query = parameters.filter(|parameter| parameter["in"] == "query");
    let query: Vec<_> = query.filter_map(|parameter| parameter["name"].as_str()).collect();
    let mut parts = Vec::new();
    if query.len() > FEW {
        parts.push("filters, `order` and pages ([repository.md](repository.md))".to_owned());
    } else if !query.is_empty() {
        parts.push(query.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
    }
    parts.extend(fields(document, &operation["requestBody"]));
    if parts.is_empty() { "nothing".into() } else { parts.join("; ") }
}

/// Returns the successful responses, as in ``201 `{id, name}` ``.
fn returns(document: &Value, operation: &Value) -> String {
    let responses = operation["responses"].as_object().into_iter().flatten();
    let good = responses.filter(|(status, _)| status.starts_with('2'));
    let told = good.map(|(status, response)| match fields(document, response) {
        Some(fields) => format!("{status} {fields}"),
        None => status.clone(),
    });
    told.collect::<Vec<_>>().join(" or ")
}

/// Returns the names of a body's fields, as in `` `{id, name}` ``.
fn fields(document: &Value, holder: &Value) -> Option<String> {
    let schema = resolved(document, &holder["content"]["application/json"]["schema"]);
    let names: Vec<_> = properties(document, schema)?.keys().map(String::as_str).collect();
    Some(format!("`{{{}}}`", names.join(", ")))
}

fn properties<'a>(document: &'a Value, schema: &'a Value) -> Option<&'a Map<String, Value>> {
    // A body that may be left out is one of null and itself.
    let mut choices = schema["oneOf"].as_array().into_iter().flatten();
    let choice = choices.find_map(|choice| properties(document, resolved(document, choice)));
    choice.or_else(|| schema["properties"].as_object())
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}
