//! Each route that takes an `Idempotency-Key`, and what must never be kept.

mod passwords;
mod sign_up;

use app_core::{
    App, Result,
    domain::auth::Permission,
    interfaces::http::{Admission, IntoResponse, Request},
    testing::{Event, TestApp, event},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Response, allow, call, confirm_addresses, count, sign_in, sign_up, signed_in};

const PASSWORD: &str = "correct horse battery";
const NEXT: &str = "staple of another horse";

struct World {
    app: TestApp,
    access: String,
    uuid: String,
}

impl World {
    async fn new() -> Self {
        Self::on(TestApp::new().await).await
    }

    async fn on(app: TestApp) -> Self {
        let pair = signed_in(&app).await;
        confirm_addresses(&app).await;
        allow(&app, &["debug:send", "users:write", "api_keys:write"]).await;
        Self { access: pair.text("/access"), uuid: pair.text("/user_data/uuid"), app }
    }

    fn named(&self, name: &str, parameters: Value) -> Event {
        let mut event = event(name).bearer(&self.access).header("Idempotency-Key", Some("one-and-the-same"));
        event.0["pathParameters"] = parameters;
        event
    }

    async fn change_password(&self, current: &str, new: &str) -> Response {
        let event = self.named("auth-password-change", Value::Null);
        call(
            &self.app,
            auth_password_change::handler,
            &event.body(&json!({ "current": current, "new": new })),
        )
        .await
    }
}

/// The session that an access token belongs to.
fn session_of(access: &str) -> String {
    let payload = access.split('.').nth(1).expect("a payload");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("claims");
    claims["ses"].as_str().expect("a session").to_owned()
}

/// Calls it twice: the second response is the first, given again.
async fn twice<H, A, F, R>(world: &World, handler: H, event: Event, status: i64)
where
    H: Fn(App, Request, A) -> F + Copy + Send + Sync + 'static,
    A: Admission + Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
    R: IntoResponse + Send + 'static,
{
    let first = call(&world.app, handler, &event).await;
    assert_eq!(first.status, status, "{first:?}");
    let second = call(&world.app, handler, &event).await;
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("content-type"), second.header("content-type"));
}

#[tokio::test]
async fn every_route_that_takes_a_key_works_once() {
    let world = World::new().await;
    let bob = sign_up(&world.app, "bob@example.com").await.text("/uuid");
    let session = sign_in(&world.app, "ada@example.com", PASSWORD).await;
    let session = session_of(&session.text("/access"));
    let wish = json!({ "name": "nightly", "permissions": ["users:write"], "expires_in_days": 1 });
    let made = event("api-keys-create").bearer(&world.access).body(&wish);
    let key = call(&world.app, api_keys_create::handler, &made).await.text("/id");

    let message = json!({ "event": "user_created", "data": { "uuid": world.uuid } });
    let named = |name: &str, parameters: Value| world.named(name, parameters);
    let nothing = Value::Null;
    twice(
        &world,
        debug_send_message::handler,
        named("debug-send-message", nothing.clone()).body(&message),
        201,
    )
    .await;
    let change = json!({ "first_name": "Bob" });
    twice(&world, users_me_update::handler, named("users-me-update", nothing.clone()).body(&change), 200)
        .await;
    let eve = sign_up(&world.app, "eve@example.com").await.text("/uuid");
    let of = |user: &str| json!({ "uuid": user });
    twice(&world, users_update::handler, named("users-update", of(&bob)).body(&change), 200).await;
    twice(&world, users_delete::handler, named("users-delete", of(&eve)), 204).await;
    twice(
        &world,
        auth_sessions_revoke::handler,
        named("auth-sessions-revoke", json!({ "id": session })),
        204,
    )
    .await;
    twice(&world, api_keys_revoke::handler, named("api-keys-revoke", json!({ "id": key })), 204).await;
    let passwords = json!({ "current": PASSWORD, "new": NEXT });
    let changed = named("auth-password-change", nothing).body(&passwords);
    twice(&world, auth_password_change::handler, changed, 204).await;

    let new = json!({ "email": "new@example.com", "password": PASSWORD });
    let sign_up = event("auth-sign-up").header("Idempotency-Key", Some("k")).body(&new);
    twice(&world, auth_sign_up::handler, sign_up, 200).await;

    let none = "update users set password_hashed = null where email = 'ada@example.com'";
    world.app.database.client().await.batch_execute(none).await.expect("no password");
    let send = catalogue::functions::auth_step_up_send::handler;
    twice(&world, send, world.named("auth-step-up-send", Value::Null), 202).await;

    // None was forgotten above or in the other test.
    let all = catalogue::endpoints().iter().filter(|endpoint| endpoint.idempotent).count();
    assert_eq!(
        count(&world.app, "select count(*) from idempotency_key").await,
        i64::try_from(all - by_sample().count()).expect("a few")
    );
    // One effect each, and one row in the audit log.
    let audited = "select count(*) from (select action, count(*) from audit_log
                   where action in ('user_updated', 'user_deleted', 'session_revoked', 'api_key_revoked', 'password_changed')
                   group by action having count(*) = 1) as once";
    assert_eq!(count(&world.app, audited).await, 5);
}

/// Routes whose sample event does not succeed in the world of this test, or changes what other routes need. The
/// test above calls each of them.
const BY_HAND: [&str; 9] = [
    "debug-send-message",
    "users-me-update",
    "users-update",
    "users-delete",
    "auth-sessions-revoke",
    "api-keys-revoke",
    "auth-password-change",
    "auth-sign-up",
    "auth-step-up-send",
];

fn by_sample() -> impl Iterator<Item = catalogue::Endpoint> {
    catalogue::endpoints()
        .into_iter()
        .filter(|endpoint| endpoint.idempotent && !BY_HAND.contains(&endpoint.name))
}

/// Every other route takes its key with its sample event.
#[tokio::test]
async fn every_other_route_that_takes_a_key_works_once_on_its_sample_event() {
    let world = World::new().await;
    allow(&world.app, &Permission::ALL.map(Permission::as_str)).await;
    for endpoint in by_sample() {
        let name = endpoint.name;
        let event = event(name).bearer(&world.access).header("Idempotency-Key", Some("one-and-the-same"));
        let first = Response::of(&endpoint.call(&world.app.app, &event.to_string()).await);
        assert!((200..300).contains(&first.status), "{name}: {first:?}");
        let second = Response::of(&endpoint.call(&world.app.app, &event.to_string()).await);
        assert_eq!((second.status, &second.body), (first.status, &first.body), "{name}");
        assert_eq!(first.header("idempotency-replayed"), None, "{name}");
        assert_eq!(second.header("idempotency-replayed"), Some("true"), "{name}");
    }
}

#[tokio::test]
async fn what_would_not_come_again_is_not_kept() {
    let world = World::on(TestApp::with_waits_of_production(|_| {}).await).await;
    let wrong = world.change_password("wrong horse battery", NEXT).await;
    wrong.is_error(422, "validation").names("current", "wrong");
    assert_eq!(wrong.header("www-authenticate"), None);
    let kept = "select count(*) from idempotency_key";
    assert_eq!(count(&world.app, kept).await, 0);
    // The same key with the right password: the first one left nothing.
    assert_eq!(world.change_password(PASSWORD, NEXT).await.status, 204);
    // Another session holds the lock: 503. After its release the same request succeeds.
    let holder = world.app.database.client().await;
    holder.batch_execute("begin; select from users for update").await.expect("a lock");
    let update = world.named("users-me-update", Value::Null).body(&json!({ "first_name": "Ada" }));
    call(&world.app, users_me_update::handler, &update).await.is_error(503, "unavailable");
    holder.batch_execute("rollback").await.expect("the lock is gone");
    let response = call(&world.app, users_me_update::handler, &update).await;
    assert_eq!((response.status, response.header("idempotency-replayed")), (200, None));
}

#[tokio::test]
async fn a_key_does_not_outlive_the_right_to_use_it() {
    let world = World::new().await;
    let bob = sign_up(&world.app, "bob@example.com").await.text("/uuid");
    let update = world.named("users-update", json!({ "uuid": bob })).body(&json!({ "first_name": "Bob" }));
    assert_eq!(call(&world.app, users_update::handler, &update).await.status, 200);
    allow(&world.app, &[]).await;
    call(&world.app, users_update::handler, &update).await.is_error(403, "forbidden");
    assert_eq!(call(&world.app, users_update::handler, &update.bearer("none")).await.status, 401);
}

#[tokio::test]
async fn no_token_no_key_and_no_password_is_ever_kept() {
    let world = World::new().await;
    let key = |event: Event| event.header("Idempotency-Key", Some("k"));
    // These take none: their responses must not lie in a table. They are served, and nothing is kept.
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    let tokens = call(&world.app, auth_tokens::handler, &key(event("auth-tokens").body(&ada))).await;
    assert_eq!(tokens.status, 200);
    let refresh = key(event("auth-tokens-refresh").bearer(&tokens.text("/refresh")));
    assert_eq!(call(&world.app, auth_tokens_refresh::handler, &refresh).await.status, 200);
    let wish = json!({ "name": "nightly", "permissions": ["users:write"], "expires_in_days": 1 });
    let create = key(event("api-keys-create").bearer(&world.access).body(&wish));
    assert_eq!(call(&world.app, api_keys_create::handler, &create).await.status, 201);
    assert_eq!(count(&world.app, "select count(*) from idempotency_key").await, 0);

    // Endpoints that take a key keep no secret of their request either, neither readable nor with a fast hash.
    assert_eq!(world.change_password(PASSWORD, NEXT).await.status, 204);
    let new = json!({ "email": "new@example.com", "password": PASSWORD });
    let new = key(event("auth-sign-up").body(&new));
    assert_eq!(call(&world.app, auth_sign_up::handler, &new).await.status, 200);
    let client = world.app.database.client().await;
    let rows = "select string_agg(k::text, ' ') from idempotency_key k having count(*) = 2";
    let row: String = client.query_one(rows, &[]).await.expect("a row").get(0);
    for secret in [PASSWORD, NEXT, "eyJ", "apk_", "$argon2"] {
        assert!(!row.contains(secret), "{secret}: {row}");
    }
}

#[tokio::test]
async fn a_deleted_users_responses_are_deleted_with_them() {
    let world = World::new().await;
    let bob = sign_up(&world.app, "bob@example.com").await.text("/uuid");
    let access = sign_in(&world.app, "bob@example.com", PASSWORD).await.text("/access");
    let update = event("users-me-update").header("Idempotency-Key", Some("k")).bearer(&access);
    let update = update.body(&json!({ "street": "1 Example Road" }));
    assert_eq!(call(&world.app, users_me_update::handler, &update).await.status, 200);
    let mut delete = event("users-delete").bearer(&world.access);
    delete.0["pathParameters"] = json!({ "uuid": bob });
    assert_eq!(call(&world.app, users_delete::handler, &delete).await.status, 204);
    assert_eq!(count(&world.app, "select count(*) from idempotency_key").await, 0);

    // Nor does an administrator's response about them, which holds their profile.
    let eve = sign_up(&world.app, "eve@example.com").await.text("/uuid");
    let about_eve = |name: &str| world.named(name, json!({ "uuid": eve }));
    let change = about_eve("users-update").body(&json!({ "street": "2 Example Road" }));
    assert_eq!(call(&world.app, users_update::handler, &change).await.status, 200);
    assert_eq!(call(&world.app, users_delete::handler, &about_eve("users-delete")).await.status, 204);
    let kept = "select count(*) from idempotency_key where body like '%Example Road%'";
    assert_eq!(count(&world.app, kept).await, 0);
    call(&world.app, users_update::handler, &change).await.is_error(404, "not_found");
}
