//! A body sets what its endpoint takes and nothing else.

mod fields;
mod world;

use std::collections::BTreeSet;

use app_core::testing::event;
use catalogue::openapi;
use serde_json::{Value, json};

use fields::{BY_DESIGN, IN_PLACE, SOMEBODY, every_forbidden_key, forbidden, writes};
pub(crate) use world::World;

use crate::{
    matrix::{Call, doors},
    support::count,
};

fn door(name: &str) -> Call {
    doors().into_iter().find(|(known, _)| *known == name).expect("a door").1
}

#[test]
fn every_field_of_every_body_is_looked_at() {
    let document: Value = serde_json::from_str(&openapi::document()).expect("json");
    let resolve = |schema: &Value| -> Value {
        let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or(schema.clone(), |pointer| document.pointer(pointer).expect("a schema").clone())
    };
    for (name, body) in &writes() {
        let sample = event(name).0;
        let path = format!("{}/", sample["resource"].as_str().expect("a path"));
        let method = sample["httpMethod"].as_str().expect("a method").to_lowercase();
        let schema =
            &document["paths"][&path][&method]["requestBody"]["content"]["application/json"]["schema"];
        // One that may be left out is one of null and itself.
        let schemas = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
        let fields: BTreeSet<String> = schemas
            .iter()
            .filter_map(|schema| resolve(schema)["properties"].as_object().cloned())
            .flat_map(|properties| properties.into_iter().map(|(field, _)| field))
            .collect();
        let known = body.as_ref().map(|body| body.as_object().expect("an object").keys().cloned());
        let in_place = IN_PLACE.iter().filter(|(of, _)| of == name).map(|(_, field)| (*field).to_owned());
        let known: BTreeSet<String> = known.into_iter().flatten().chain(in_place).collect();
        assert_eq!(known, fields, "events/{name}.json has every field of the body, and no other");
        let open: Vec<&str> = forbidden()
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| fields.contains(*key) && !BY_DESIGN.contains(&(name, key)))
            .collect();
        assert!(open.is_empty(), "{name} takes {open:?}");
    }
}

#[tokio::test]
async fn what_an_endpoint_does_not_take_is_refused_by_its_name_and_changes_nothing() {
    let world = World::new().await;
    let pair = world.sign_in().await;
    let before = world.rows().await;
    for (name, body) in &writes() {
        let Some(sample) = body else { continue };
        for (key, value) in forbidden() {
            if BY_DESIGN.contains(&(name, key)) {
                continue;
            }
            let mut body = sample.clone();
            body[key] = value;
            let response = door(name)(&world.app, &world.of(name, &pair).body(&body)).await;
            let shown = if key.contains([' ', '$']) { "?" } else { key };
            response.is_error(422, "validation").names(shown, "unknown");
        }
        assert_eq!(world.rows().await, before, "{name}");
    }
    let sessions = count(&world.app, "select count(*) from auth_session where revoked_at is null").await;
    assert_eq!(sessions, 1, "nobody signed in or out by a body that was refused");
}

/// Each endpoint runs in a new world. It does its work, and no user gets other rights.
#[tokio::test]
async fn what_an_endpoint_does_not_read_sets_nothing() {
    let parameters = forbidden();
    let parameters: Vec<_> = parameters.iter().map(|(key, value)| (*key, value.to_string())).collect();
    let parameters: Vec<_> = parameters.iter().map(|(key, text)| (*key, text.trim_matches('"'))).collect();
    for (name, body) in &writes() {
        let world = World::new().await;
        let pair = world.sign_in().await;
        let before = world.rights().await;
        let event = world.of(name, &pair).query(&parameters);
        let body = body.clone().unwrap_or_else(every_forbidden_key);
        let response = door(name)(&world.app, &event.body(&body)).await;
        let expected = match *name {
            // No mail has the secrets of these samples.
            // And either a password or a code proves an identity: Ada has a password.
            "auth-reauthenticate"
            | "auth-step-up-send"
            | "auth-code-redeem"
            | "auth-email-confirm"
            | "auth-email-undo"
            | "auth-email-verify"
            | "auth-password-reset"
            | "auth-phone-confirm"
            | "users-me-restore" => 422..423,
            // There is no session and no key of the samples' ids.
            name if name.ends_with("-revoke") => 404..405,
            _ => 200..300,
        };
        assert!(expected.contains(&response.status), "{name}: {response:?}");
        if *name == "users-delete" {
            let left = count(&world.app, "select count(*) from users").await;
            assert_eq!(left, 1, "only the user of the path is deleted");
            continue;
        }
        if *name == "users-me-delete" {
            let deleted = count(&world.app, "select count(*) from users where deleted_at is not null").await;
            assert_eq!(deleted, 1, "only the caller is deleted");
            continue;
        }
        assert_eq!(world.rights().await, before, "{name}");
        let odd = format!(
            "select count(*) from users where is_guest or uuid = '{SOMEBODY}' or phone is not null
               or created_at < now() - interval '1 hour' or email = 'eve@example.com'"
        );
        assert_eq!(count(&world.app, &odd).await, 0, "{name}");
    }
}

/// `meta` may hold any keys, and they mean nothing.
#[tokio::test]
async fn a_key_inside_of_meta_is_not_the_column_of_its_name() {
    let world = World::new().await;
    let pair = world.sign_in().await;
    let before = world.rights().await;
    let meta = every_forbidden_key();
    for name in ["users-me-update", "users-update"] {
        let event = world.of(name, &pair).body(&json!({ "meta": meta }));
        let response = door(name)(&world.app, &event).await;
        assert_eq!((response.status, &response.body["meta"]), (200, &meta), "{response:?}");
        assert_eq!(world.rights().await, before, "{name}");
    }
}
