//! A body sets what its endpoint takes and nothing else.

use std::collections::BTreeSet;

use app_core::{
    domain::auth::Permission,
    interfaces::http::Access,
    testing::{Event, TestApp, event},
};
use catalogue::openapi;
use serde_json::{Value, json};

use crate::{
    matrix::{Call, declared, doors},
    support::{Answer, allow, count, sign_in, sign_up},
};

const PASSWORD: &str = "correct horse battery";

/// Returns each endpoint that writes, with the body of its sample event, if it reads one. An endpoint accepts this
/// body, and it has every field that the endpoint reads. So a new field is seen by whoever adds it to the sample.
fn writes() -> Vec<(&'static str, Option<Value>)> {
    let samples = catalogue::endpoints().into_iter().map(|endpoint| (endpoint.name, event(endpoint.name).0));
    let writing = samples.filter(|(_, sample)| sample["httpMethod"] != "GET");
    writing
        .map(|(name, sample)| {
            let body = sample["body"].as_str().map(|text| serde_json::from_str(text).expect("a JSON body"));
            (name, body.map(|body| whole(name, body)))
        })
        .collect()
}

/// Adds what a sample leaves out because its endpoint takes either one thing or another.
fn whole(name: &str, mut body: Value) -> Value {
    match name {
        "auth-sign-up" => {
            body["email"] = json!("cem@example.com"); // Ada, who asks, has an account already
            body["challenge"] = json!("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        }
        "auth-email-verify" => {
            body["id"] = json!(SOMEBODY);
            body["code"] = json!("K7M2QX4T");
            body["verifier"] = json!("a-verifier-of-the-client-that-signed-up-0123456789");
            body["password"] = json!(PASSWORD);
        }
        _ => {}
    }
    body
}

/// Of what nobody may set by a body, these endpoints have something by design: one's own new address and password,
/// the address of a lost password, one's password as a proof, the id of a mail's code, a key with some of one's own
/// permissions, and whether somebody else is active.
const BY_DESIGN: [(&str, &str); 11] = [
    ("auth-sign-up", "email"),
    ("auth-sign-up", "password"),
    ("auth-tokens", "email"),
    ("auth-tokens", "password"),
    ("auth-reauthenticate", "password"),
    ("auth-email-verify", "id"),
    ("auth-email-verify", "password"),
    ("auth-password-forgot", "email"),
    ("auth-password-reset", "password"),
    ("api-keys-create", "permissions"),
    ("users-update", "is_active"),
];

const SOMEBODY: &str = "2bb58a19-2001-4a8b-a223-79b2ba7d5229";

/// Columns, and words of other systems, each with a value that would be worth something.
fn forbidden() -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!(1)),
        ("uuid", json!(SOMEBODY)),
        ("user_uuid", json!(SOMEBODY)),
        ("user", json!({ "uuid": SOMEBODY })),
        ("owner", json!(SOMEBODY)),
        ("email", json!("eve@example.com")),
        ("phone", json!("+4915112345678")),
        ("is_active", json!(true)),
        ("is_guest", json!(true)),
        ("is_admin", json!(true)),
        ("is_superuser", json!(true)),
        ("role", json!("admin")),
        ("roles", json!(["admin"])),
        ("user_role", json!([{ "role": "admin" }])),
        ("permissions", json!(["users:write"])),
        ("scope", json!("users:write")),
        ("password", json!("eve knows this one")),
        ("password_hashed", json!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA")),
        ("secret_hash", json!("\\x00")),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("updated_at", json!("2000-01-01T00:00:00Z")),
        ("expires_at", json!("2100-01-01T00:00:00Z")),
        ("revoked_at", Value::Null),
        ("proved_at", json!("2100-01-01T00:00:00Z")),
        ("last_used_at", Value::Null),
        ("isActive", json!(true)),
        ("IS_ACTIVE", json!(true)),
        ("is_active ", json!(true)),
        ("meta.is_active", json!(true)),
        ("$set", json!({ "is_active": true })),
        ("__proto__", json!({ "is_active": true })),
        ("constructor", json!({ "prototype": { "is_active": true } })),
    ]
}

/// Ada may do everything and asks; Bob is whom she asks about.
pub(crate) struct World {
    pub(crate) app: TestApp,
    bob: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let app = TestApp::new().await;
        assert_eq!(sign_up(&app, "ada@example.com").await.status, 200);
        let bob = sign_up(&app, "bob@example.com").await.text("/uuid");
        allow(&app, &Permission::ALL.map(Permission::as_str)).await;
        Self { app, bob }
    }

    pub(crate) async fn sign_in(&self) -> Answer {
        let answer = sign_in(&self.app, "ada@example.com", PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// The sample event of this endpoint, as Ada would send it.
    pub(crate) fn of(&self, name: &str, pair: &Answer) -> Event {
        let mut event = event(name);
        if name.starts_with("users-") && event.0["pathParameters"].is_object() {
            event.0["pathParameters"] = json!({ "uuid": self.bob });
        }
        match declared(name) {
            Access::Public => event,
            Access::RefreshToken => event.bearer(&pair.text("/refresh")),
            _ => event.bearer(&pair.text("/access")),
        }
    }

    /// One text of one row.
    async fn text(&self, query: &str) -> String {
        self.app.database.client().await.query_one(query, &[]).await.expect("a row").get(0)
    }

    /// All that a body could have changed.
    async fn rows(&self) -> String {
        let rows = "select concat_ws(E'\\n',
              (select jsonb_agg(u order by u.id) from users u),
              (select jsonb_agg(r order by r.user_uuid, r.role) from user_role r),
              (select jsonb_agg(r order by r.name) from role r),
              (select jsonb_agg(k order by k.id) from api_key k))";
        self.text(rows).await
    }

    /// Who Ada and Bob are and what they may do, but for what they or an administrator may change.
    async fn rights(&self) -> String {
        let rights = "select concat_ws(E'\\n',
              (select jsonb_agg(to_jsonb(u) - array['password_hashed', 'epoch', 'updated_at', 'first_name', 'last_name',
                  'birthday', 'photo', 'street', 'city', 'state', 'zip_code', 'country', 'meta'] order by u.id)
                from users u where email = 'ada@example.com' or email = 'bob@example.com'),
              (select jsonb_agg(r order by r.user_uuid, r.role) from user_role r),
              (select jsonb_agg(r order by r.name) from role r))";
        self.text(rights).await
    }
}

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
        let known: BTreeSet<String> = known.into_iter().flatten().collect();
        assert_eq!(known, fields, "events/{name}.json has every field of the body, and no other");
        let open: Vec<&str> = forbidden()
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| fields.contains(*key) && !BY_DESIGN.contains(&(name, key)))
            .collect();
        assert!(open.is_empty(), "{name} takes {open:?}");
    }
}

fn every_forbidden_key() -> Value {
    Value::Object(forbidden().into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
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
            let answer = door(name)(&world.app, &world.of(name, &pair).body(&body)).await;
            let shown = if key.contains([' ', '$']) { "?" } else { key };
            answer.is_error(422, "validation").names(shown, "unknown");
        }
        assert_eq!(world.rows().await, before, "{name}");
    }
    let sessions = count(&world.app, "select count(*) from auth_session where revoked_at is null").await;
    assert_eq!(sessions, 1, "nobody signed in or out by a body that was refused");
}

/// Each on a world of its own: they do what they are for, and everybody stays who they are.
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
        let answer = door(name)(&world.app, &event.body(&body)).await;
        let expected = match *name {
            // No mail has the secrets of these samples.
            "auth-email-verify" | "auth-password-reset" => 422..423,
            // There is no session and no key of the samples' ids.
            name if name.ends_with("-revoke") => 404..405,
            _ => 200..300,
        };
        assert!(expected.contains(&answer.status), "{name}: {answer:?}");
        if *name == "users-delete" {
            let left = count(&world.app, "select count(*) from users").await;
            assert_eq!(left, 1, "whom the path names, and nobody else");
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
        let answer = door(name)(&world.app, &event).await;
        assert_eq!((answer.status, &answer.body["meta"]), (200, &meta), "{answer:?}");
        assert_eq!(world.rights().await, before, "{name}");
    }
}
