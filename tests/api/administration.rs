//! Callers with the permission list and change users.

use app_core::testing::{Event, TestApp, event};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Response, allow, call, count, me, refresh, sign_in, sign_up, signed_in};

const PASSWORD: &str = "correct horse battery";

/// Ada administers, Bob is administered.
struct World {
    app: TestApp,
    ada: String,
    ada_uuid: String,
    bob: String,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let pair = signed_in(&app).await;
        allow(&app, &["users:read", "users:write"]).await;
        let bob = sign_up(&app, "bob@example.com").await.text("/uuid");
        Self { ada: pair.text("/access"), ada_uuid: pair.text("/user_data/uuid"), bob, app }
    }

    fn of(&self, name: &str, user: &str) -> Event {
        let mut event = event(name).bearer(&self.ada);
        event.0["pathParameters"] = json!({ "uuid": user });
        event
    }

    async fn get(&self, user: &str) -> Response {
        call(&self.app, users_get::handler, &self.of("users-get", user)).await
    }

    async fn update(&self, user: &str, body: &Value) -> Response {
        call(&self.app, users_update::handler, &self.of("users-update", user).body(body)).await
    }

    async fn delete(&self, user: &str) -> Response {
        call(&self.app, users_delete::handler, &self.of("users-delete", user)).await
    }

    /// The rows that this kind of action left.
    async fn audited(&self, action: &str) -> Vec<(Option<Uuid>, Option<Uuid>, Value)> {
        let query = "select actor, subject, details from audit_log where action = $1 order by id";
        let rows = self.app.database.client().await.query(query, &[&action]).await.expect("rows");
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    fn by_ada(&self, details: Value) -> Vec<(Option<Uuid>, Option<Uuid>, Value)> {
        vec![(self.ada_uuid.parse().ok(), self.bob.parse().ok(), details)]
    }
}

#[tokio::test]
async fn an_administrator_sees_what_a_user_sees_of_themselves() {
    let world = World::new().await;
    let bob = sign_in(&world.app, "bob@example.com", PASSWORD).await;
    let seen = world.get(&world.bob).await;
    assert_eq!((seen.status, &seen.body), (200, &me(&world.app, &bob.text("/access")).await.body));
    for nobody in [Uuid::from_u128(7).to_string(), "bob".into(), String::new(), "' or true --".into()] {
        world.get(&nobody).await.is_error(404, "not_found");
        world.update(&nobody, &json!({ "city": "Paris" })).await.is_error(404, "not_found");
        world.delete(&nobody).await.is_error(404, "not_found");
    }
}

#[tokio::test]
async fn named_fields_change_and_the_log_names_them_without_their_values() {
    let world = World::new().await;
    let change = json!({ "first_name": "Bob", "city": "Paris", "meta": { "vip": true } });
    let response = world.update(&world.bob, &change).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!((&response.body["city"], &response.body["is_active"]), (&json!("Paris"), &json!(true)));
    assert_eq!(world.get(&world.bob).await.body, response.body);
    let details = json!({ "fields": ["first_name", "city", "meta"], "ended": 0, "keys": 0 });
    assert_eq!(world.audited("user_updated").await, world.by_ada(details));

    // Nothing asked, nothing changed, nothing noted, and above all nothing shown.
    let nothing = world.update(&world.bob, &json!({})).await;
    nothing.is_error(422, "validation").names("body", "required");
    let again = world.update(&world.bob, &json!({ "city": null })).await;
    assert_eq!((&again.body["city"], &again.body["first_name"]), (&Value::Null, &json!("Bob")));
    assert_eq!(world.audited("user_updated").await.len(), 2);
}

#[tokio::test]
async fn whoever_is_deactivated_is_out_at_once_and_comes_back_when_activated() {
    let world = World::new().await;
    let app = &world.app;
    let (one, two) =
        (sign_in(app, "bob@example.com", PASSWORD).await, sign_in(app, "bob@example.com", PASSWORD).await);
    let key = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
               select 'k', uuid, 'k', sha256('k'), '{}', now(), '2099-01-01' from users
               where email = 'bob@example.com'";
    app.database.client().await.batch_execute(key).await.expect("a key");
    assert_eq!(world.update(&world.bob, &json!({ "is_active": false })).await.status, 200);
    for pair in [&one, &two] {
        me(app, &pair.text("/access")).await.is_error(401, "unauthenticated");
        refresh(app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
    }
    sign_in(app, "bob@example.com", PASSWORD).await.is_error(401, "unauthenticated");
    let reasons = "select count(*) from auth_session where revoke_reason = 'deactivated'";
    assert_eq!(count(app, reasons).await, 2);
    let deactivated = world.by_ada(json!({ "fields": ["is_active"], "ended": 2, "keys": 1 }));
    assert_eq!(world.audited("user_deactivated").await, deactivated);

    assert_eq!(world.update(&world.bob, &json!({ "is_active": true })).await.status, 200);
    // The old sessions stay over, and so does the key.
    assert_eq!(count(app, "select count(*) from api_key where revoked_at is null").await, 0);
    me(app, &one.text("/access")).await.is_error(401, "unauthenticated");
    assert_eq!(sign_in(app, "bob@example.com", PASSWORD).await.status, 200);
    let activated = world.by_ada(json!({ "fields": ["is_active"], "ended": 0, "keys": 0 }));
    assert_eq!(world.audited("user_activated").await, activated);
    assert!(world.audited("user_updated").await.is_empty(), "one row an outcome");
}

#[tokio::test]
async fn a_deleted_user_is_gone_with_sessions_and_roles_and_the_log_remembers() {
    let world = World::new().await;
    let app = &world.app;
    allow(app, &["users:read", "users:write"]).await;
    let pair = sign_in(app, "bob@example.com", PASSWORD).await;
    assert_eq!(world.delete(&world.bob).await.status, 204);
    me(app, &pair.text("/access")).await.is_error(401, "unauthenticated");
    refresh(app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
    world.get(&world.bob).await.is_error(404, "not_found");
    world.delete(&world.bob).await.is_error(404, "not_found");
    let left = format!(
        "select (select count(*) from users where uuid = '{0}') + (select count(*) from user_role where user_uuid = '{0}')
              + (select count(*) from auth_session where user_uuid = '{0}')",
        world.bob
    );
    assert_eq!(count(app, &left).await, 0);
    assert_eq!(world.audited("user_deleted").await, world.by_ada(json!({ "sessions": 1 })));
    assert_eq!(sign_up(app, "bob@example.com").await.status, 200, "the address is free again");
}

#[tokio::test]
async fn nobody_deactivates_or_deletes_themselves() {
    let world = World::new().await;
    let own = world.ada_uuid.clone();
    world.update(&own, &json!({ "is_active": false })).await.is_error(403, "forbidden");
    world.update(&own, &json!({ "city": "Paris" })).await.is_error(403, "forbidden");
    world.delete(&own.to_uppercase()).await.is_error(403, "forbidden");
    assert_eq!(me(&world.app, &world.ada).await.body["is_active"], true);
}

#[tokio::test]
async fn somebody_is_active_or_not() {
    let world = World::new().await;
    let before = world.get(&world.bob).await.body;
    for (body, reason) in [(json!({ "is_active": null }), "null"), (json!({ "is_active": "no" }), "type")] {
        world.update(&world.bob, &body).await.is_error(422, "validation").names("is_active", reason);
    }
    assert_eq!(world.get(&world.bob).await.body, before);
    assert_eq!(count(&world.app, "select count(*) from audit_log where action like 'user_%'").await, 0);
}

#[tokio::test]
async fn reading_is_no_licence_to_write() {
    let world = World::new().await;
    allow(&world.app, &["users:read", "tasks:read", "debug:send", "audit:read"]).await;
    assert_eq!(world.get(&world.bob).await.status, 200);
    world.update(&world.bob, &json!({ "city": "Paris" })).await.is_error(403, "forbidden");
    world.delete(&world.bob).await.is_error(403, "forbidden");
    allow(&world.app, &["users:write"]).await;
    world.get(&world.bob).await.is_error(403, "forbidden");
}

#[tokio::test]
async fn what_cannot_be_noted_does_not_happen() {
    let world = World::new().await;
    let bob = sign_in(&world.app, "bob@example.com", PASSWORD).await.text("/access");
    let client = world.app.database.client().await;
    client
        .batch_execute("alter table audit_log add constraint full_up check (action not like 'user%')")
        .await
        .expect("a log that takes no more");
    assert_eq!(world.update(&world.bob, &json!({ "is_active": false })).await.status, 500);
    assert_eq!(world.delete(&world.bob).await.status, 500);
    assert_eq!(me(&world.app, &bob).await.status, 200, "neither out nor gone");
}

#[tokio::test]
async fn a_sign_in_at_the_moment_of_a_deactivation_opens_no_session_that_outlives_it() {
    let world = World::new().await;
    let tries = (0..10).map(|_| sign_in(&world.app, "bob@example.com", PASSWORD));
    let body = json!({ "is_active": false });
    let (_, deactivated) =
        futures_util::join!(futures_util::future::join_all(tries), world.update(&world.bob, &body));
    assert_eq!(deactivated.status, 200);
    let live = "select count(*) from auth_session where user_uuid <> $1 and revoked_at is null";
    let row = world.app.database.client().await;
    let live: i64 = row
        .query_one(live, &[&world.ada_uuid.parse::<Uuid>().expect("a uuid")])
        .await
        .expect("a count")
        .get(0);
    assert_eq!(live, 0);
}
