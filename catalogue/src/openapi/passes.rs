//! What the macros cannot say, added to the whole document.
//!
//! Indexing a `&mut Value` inserts what is missing. Therefore places that may be missing are read
//! with `get_mut` and `pointer_mut`.

use serde_json::{Map, Value, json};

/// Returns each operation of each path.
pub(super) fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let paths = paths.into_iter().flat_map(Map::values_mut);
    paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut)
}

/// Describes an optional body by its own type. Rust's `Option` would allow `null`, too.
pub(super) fn optional_bodies(document: &mut Value) {
    let null = json!({ "type": "null" });
    for operation in operations(document) {
        let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json/schema") else {
            continue;
        };
        let Some(either) = schema.get("oneOf").and_then(Value::as_array) else { continue };
        if either.contains(&null) {
            let body = either.iter().find(|schema| **schema != null).cloned();
            *schema = body.expect("a body besides null");
        }
    }
}

/// Forbids NUL in every text that is taken, because Postgres cannot store it, and U+FFFD, which API
/// Gateway writes for what is not UTF-8. Texts of one line say more themselves.
pub(super) fn texts_without_nul(document: &mut Value) {
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    let bodies = schemas.into_iter().flatten().filter(|(name, _)| name.ends_with("Request"));
    let fields = bodies.filter_map(|(_, body)| body.get_mut("properties")?.as_object_mut()).flatten();
    for field in fields.filter_map(|(_, field)| field.as_object_mut()) {
        if field.contains_key("maxLength") {
            field.entry("pattern").or_insert_with(|| json!("^[^\\u0000\\ufffd]*$"));
        }
    }
}

/// Says of each object without named properties that it may have any. Generators take an object
/// that says nothing for an empty one.
pub(super) fn open_objects(document: &mut Value) {
    let is_object =
        |kind: &Value| kind == "object" || kind.as_array().is_some_and(|k| k.contains(&json!("object")));
    everywhere(document, &mut |schema| {
        let says_more = ["properties", "additionalProperties"].iter().any(|key| schema.contains_key(*key));
        if schema.get("type").is_some_and(is_object) && !says_more {
            schema.insert("additionalProperties".to_owned(), json!(true));
        }
    });
}

/// Replaces copies of a named schema by a reference to it, so that generators make one type of both.
pub(super) fn references(document: &mut Value) {
    let Some(Value::Object(schemas)) = document.pointer("/components/schemas").cloned() else { return };
    let named = |schema: &Map<String, Value>| {
        let same = |named: &&String| {
            schema.contains_key("properties") && schemas[*named].as_object() == Some(schema)
        };
        schemas.keys().find(same)
    };
    let all = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for schema in all.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        for part in schema.values_mut() {
            everywhere(part, &mut |copy| {
                if let Some(name) = named(copy) {
                    *copy =
                        Map::from_iter([("$ref".to_owned(), json!(format!("#/components/schemas/{name}")))]);
                }
            });
        }
    }
}

/// Calls `change` with each object of the document, the outer ones first.
fn everywhere(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| everywhere(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| everywhere(value, change)),
        _ => {}
    }
}

/// Adds the headers of responses: the request's id, and what a client needs after a failure.
pub(super) fn answer_headers(document: &mut Value) {
    let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    for operation in operations(document) {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let takes_key = parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"));
        for (status, response) in
            operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten()
        {
            response["headers"]["X-Request-Id"] =
                header("The id of this request. Name it when you report a problem.");
            match status.as_str() {
                "401" => response["headers"]["WWW-Authenticate"] = header("`Bearer`"),
                "429" | "503" => {
                    response["headers"]["Retry-After"] =
                        header("The number of seconds to wait before the next attempt")
                }
                "409" if takes_key => {
                    response["headers"]["Retry-After"] = header(
                        "The number of seconds to wait, if a request with this `Idempotency-Key` is in progress",
                    )
                }
                _ => {}
            }
        }
    }
}
