//! A request that is sent again under the same `Idempotency-Key` has one effect and one response.

mod room;

use app_core::{
    App, Error, Result,
    domain::users::events::UserCreated,
    infrastructure::{db::Sql, tx::Tx},
    interfaces::http::{Caller, Idempotent, IdempotentResponse, NoContent, Request, SignedIn},
    testing::{Event, TestApp, event},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    support::{Response, allow, call, count, me, sign_in, sign_up, signed_in, with_connections},
    wire::{Cut, wired},
};

const PASSWORD: &str = "correct horse battery";
const EVENTS: &str = "select count(*) from outbox where body::jsonb ->> 'event' = 'user_created'";
const KEYS: &str = "select count(*) from idempotency_key";

/// Ada, who may send events and change users.
struct Ada {
    app: TestApp,
    access: String,
    bob: String,
}

impl Ada {
    async fn new() -> Self {
        Self::on(TestApp::new().await).await
    }

    async fn on(app: TestApp) -> Self {
        let access = signed_in(&app).await.text("/access");
        let bob = sign_up(&app, "bob@example.com").await.text("/uuid");
        allow(&app, &["debug:send", "users:write"]).await;
        app.database.client().await.execute("delete from outbox", &[]).await.expect("an empty outbox");
        app.bus.take();
        Self { app, access, bob }
    }

    fn named(&self, name: &str, key: &str) -> Event {
        event(name).bearer(&self.access).header("Idempotency-Key", Some(key))
    }

    async fn send_event(&self, event: &Event) -> Response {
        call(&self.app, debug_send_message::handler, event).await
    }

    async fn send(&self, key: &str, user: Uuid) -> Response {
        self.send_event(&self.named("debug-send-message", key).body(&message(user))).await
    }

    async fn update(&self, key: &str, user: &str, body: &Value) -> Response {
        let mut event = self.named("users-update", key).body(body);
        event.0["pathParameters"] = json!({ "uuid": user });
        call(&self.app, users_update::handler, &event).await
    }
}

fn message(user: Uuid) -> Value {
    json!({ "event": "user_created", "data": { "uuid": user } })
}

fn replayed(response: &Response) -> bool {
    response.header("idempotency-replayed") == Some("true")
}

/// The same response, given again.
#[track_caller]
fn again(first: &Response, second: &Response) {
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert!(!replayed(first) && replayed(second), "{first:?} {second:?}");
}

#[tokio::test]
async fn of_fifty_at_once_one_has_an_effect_and_all_get_the_same_response() {
    let ada = Ada::on(with_connections(50).await).await;
    // Connected first: fifty at once take their time, and a twin waits for two seconds only.
    join_all((0..50).map(|_| me(&ada.app, &ada.access))).await;
    for round in 1..=3 {
        let (key, user) = (format!("round-{round}"), Uuid::from_u128(round));
        let responses = join_all((0..50).map(|_| ada.send(&key, user))).await;
        assert!(responses.iter().all(|response| response.status == 201), "{responses:?}");
        assert!(responses.iter().all(|response| response.body == responses[0].body), "{responses:?}");
        assert_eq!(responses.iter().filter(|response| !replayed(response)).count(), 1);
        assert_eq!(count(&ada.app, EVENTS).await, i64::try_from(round).expect("small"));
        let sent = ada.app.bus.take();
        assert_eq!(sent.len(), 1, "published once: {sent:?}");
    }
}

#[tokio::test]
async fn the_same_key_for_something_else_is_refused() {
    let ada = Ada::new().await;
    let (user, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert_eq!(ada.send("k", user).await.status, 201);
    let refused = ada.send("k", other).await;
    refused.is_error(422, "validation").names("Idempotency-Key", "used_for_another_request");
    assert_eq!(count(&ada.app, EVENTS).await, 1);
    // The path says what is asked for, too.
    let change = json!({ "first_name": "Bob" });
    assert_eq!(ada.update("k", &ada.bob, &change).await.status, 200, "another route, another key");
    ada.update("k", &Uuid::from_u128(3).to_string(), &change).await.is_error(422, "validation");
    // The refused request succeeds with another key.
    assert_eq!(ada.send("l", other).await.status, 201);
}

#[tokio::test]
async fn keys_of_one_user_say_nothing_of_anothers() {
    let ada = Ada::new().await;
    let response = ada.send("k", Uuid::from_u128(1)).await;
    let access = sign_in(&ada.app, "bob@example.com", PASSWORD).await.text("/access");
    let bob = Ada { access, app: ada.app, bob: ada.bob };
    for user in [1, 2] {
        let other = bob.send(if user == 1 { "k" } else { "l" }, Uuid::from_u128(user)).await;
        assert!(other.status == 201 && !replayed(&other) && other.body != response.body);
    }
    assert_eq!(count(&bob.app, EVENTS).await, 3);
}

#[tokio::test]
async fn without_a_key_each_request_counts() {
    let ada = Ada::new().await;
    let event = event("debug-send-message").bearer(&ada.access).body(&message(Uuid::from_u128(1)));
    let (one, two) = (ada.send_event(&event).await, ada.send_event(&event).await);
    assert!(one.body != two.body && !replayed(&two));
    assert_eq!((count(&ada.app, EVENTS).await, count(&ada.app, KEYS).await), (2, 0));
}

#[tokio::test]
async fn whoever_comes_while_the_first_is_at_work_is_told_to_come_back() {
    let ada = Ada::new().await;
    let twin = ada.app.database.client().await;
    let at_work = "begin; insert into idempotency_key (user_uuid, route, key, fingerprint)
                   select uuid, 'POST /api/v1/debug/send-message', 'k', decode(repeat('00', 16), 'hex')
                   from users where email = 'ada@example.com'";
    twin.batch_execute(at_work).await.expect("a twin in progress");
    let told = ada.send("k", Uuid::from_u128(1)).await;
    told.is_error(409, "in_progress");
    assert_eq!(told.header("retry-after"), Some("2"));
    // The twin dies: the name is free again.
    twin.batch_execute("rollback").await.expect("a dead twin");
    assert_eq!(ada.send("k", Uuid::from_u128(1)).await.status, 201);
    assert_eq!(count(&ada.app, EVENTS).await, 1);
}

#[tokio::test]
async fn cut_off_at_any_round_trip_it_may_be_sent_again_and_counts_once() {
    let (app, wire) = wired(|_| {}).await;
    let ada = Ada::on(app).await;
    assert_eq!(ada.send("warm", Uuid::from_u128(0)).await.status, 201);
    let (_, trips) = wire.count(ada.send("count", Uuid::from_u128(1))).await;
    let mut sent = 2;
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1..=trips {
            let (key, user) = (format!("{cut:?}-{number}"), Uuid::from_u128(number.unsigned_abs().into()));
            wire.cut_at(number, cut);
            let first = ada.send(&key, user).await;
            assert!(wire.was_cut(), "there is no round trip {number}");
            assert!([201, 503].contains(&first.status), "{first:?}");
            let second = ada.send(&key, user).await;
            assert_eq!(second.status, 201, "{cut:?} {number}: {second:?}");
            if first.status == 201 {
                assert_eq!(first.body, second.body);
            }
            sent += 1;
            assert_eq!(count(&ada.app, EVENTS).await, sent, "{cut:?} {number}");
            assert_eq!(count(&ada.app, KEYS).await, sent);
        }
    }
    assert!(trips > 5, "only {trips} round trips: what was cut?");
}

#[tokio::test]
async fn an_error_that_would_come_again_is_kept_and_its_effects_are_not() {
    let ada = Ada::new().await;
    let nobody = Uuid::from_u128(3).to_string();
    let missing = ada.update("k", &nobody, &json!({ "first_name": "N" })).await;
    missing.is_error(404, "not_found");
    again(&missing, &ada.update("k", &nobody, &json!({ "first_name": "N" })).await);
    let body = json!({ "event": "user_teleported", "data": {} });
    let unknown = ada.named("debug-send-message", "l").body(&body);
    let first = ada.send_event(&unknown).await;
    first.is_error(422, "validation");
    again(&first, &ada.send_event(&unknown).await);
    let noted = "select count(*) from audit_log where action = 'user_updated'";
    assert_eq!((count(&ada.app, noted).await, count(&ada.app, EVENTS).await), (0, 0));
}

#[tokio::test]
async fn a_key_is_known_for_a_day() {
    let ada = Ada::new().await;
    let first = ada.send("k", Uuid::from_u128(1)).await;
    let client = ada.app.database.client().await;
    let age = async |hours: f64| {
        let text = "update idempotency_key set created_at = now() - $1 * interval '1 hour'";
        client.execute(text, &[&hours]).await.expect("aged")
    };
    age(23.9).await;
    again(&first, &ada.send("k", Uuid::from_u128(1)).await);
    age(24.1).await;
    // Nobody has cleaned up yet, and it is free all the same, for any request.
    let second = ada.send("k", Uuid::from_u128(2)).await;
    assert!(second.status == 201 && !replayed(&second) && second.body != first.body);
    again(&second, &ada.send("k", Uuid::from_u128(2)).await);
}

#[tokio::test]
async fn what_is_no_key_is_refused_before_any_effect() {
    let ada = Ada::new().await;
    let long = "k".repeat(256);
    for bad in ["", " ", "a b", "caf\u{e9}", "tab\tbed", "\u{7f}", long.as_str()] {
        let response = ada.send(bad, Uuid::from_u128(1)).await;
        response.is_error(400, "malformed");
    }
    let mut twice = ada.named("debug-send-message", "k").body(&message(Uuid::from_u128(1)));
    twice.0["multiValueHeaders"]["Idempotency-Key"] = json!(["k", "l"]);
    ada.send_event(&twice).await.is_error(400, "malformed");
    assert_eq!((count(&ada.app, EVENTS).await, count(&ada.app, KEYS).await), (0, 0));
    assert_eq!(ada.send(&"~".repeat(255), Uuid::from_u128(1)).await.status, 201);
}

#[tokio::test]
async fn a_key_costs_few_round_trips() {
    let (app, wire) = wired(|_| {}).await;
    let ada = Ada::on(app).await;
    let first = ada.send("k", Uuid::from_u128(1)).await;
    ada.send("k", Uuid::from_u128(1)).await;
    let (second, trips) = wire.count(ada.send("k", Uuid::from_u128(1))).await;
    again(&first, &second);
    // The caller, begin, the key, the response; the rollback is waited for by nobody.
    assert!((4..=5).contains(&trips), "{trips}");
    let (_, trips) = wire.count(ada.send("l", Uuid::from_u128(2))).await;
    // The caller, begin, the key, a savepoint, the commit with response and outbox, the mark after the send.
    assert!((6..=7).contains(&trips), "{trips}");
}

/// A handler that writes rows and then fails.
async fn half_done(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let uuid = caller.user.uuid;
    let once = Idempotent::of(&app, &request, uuid).await?;
    let work = async |tx: &mut Tx<'_>| -> Result<NoContent> {
        tx.record(&UserCreated { uuid })?;
        tx.execute("update users set first_name = 'half'", &[]).await?;
        Err(Error::AlreadyExists("name".into()))
    };
    once.run(work).await
}

#[tokio::test]
async fn of_work_that_fails_only_the_response_is_kept() {
    let ada = Ada::new().await;
    let event = ada.named("users-me-update", "k");
    let first = call(&ada.app, half_done, &event).await;
    first.is_error(409, "already_exists");
    again(&first, &call(&ada.app, half_done, &event).await);
    let changed = "select count(*) from users where first_name = 'half'";
    assert_eq!((count(&ada.app, changed).await, count(&ada.app, EVENTS).await), (0, 0));
    assert_eq!(count(&ada.app, KEYS).await, 1);
}
