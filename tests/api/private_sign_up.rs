//! Signing up where responses do not tell who has an account (`SIGN_UP_ANSWERS=private`). The names say which hole of
//! the first draft each test guards (H…).

use app_core::{
    application::events::{self, Delivery},
    infrastructure::{
        mail::Mail,
        messaging::{Outgoing, Queue},
    },
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};

use crate::{
    limits::of_test,
    mailbox::{Mailbox, code, link, token},
    password_reset::{NEW, OLD, forgot, reset},
    support::{Response, call, count, sign_in},
};

pub(crate) async fn private() -> TestApp {
    TestApp::with(|config| {
        config.private_sign_up = true;
        if let Some(tokens) = &mut config.tokens {
            tokens.deny_unverified = true;
        }
    })
    .await
}

fn sign_up_event(email: &str) -> Event {
    event("auth-sign-up").body(&json!({ "email": email, "password": OLD, "challenge": challenge() }))
}

async fn sign_up(app: &TestApp, email: &str) -> Response {
    call(app, auth_sign_up::handler, &sign_up_event(email)).await
}

/// Hands the messages that were sent to the handlers of events, and runs the tasks that they start. Returns the mails.
async fn mails(app: &TestApp) -> Vec<Mail> {
    mails_of(app, app.bus.take()).await
}

pub(crate) async fn mails_of(app: &TestApp, sent: Vec<Outgoing>) -> Vec<Mail> {
    app.deliver(&tasks_of(app, sent).await).await
}

/// Handles the events among these messages. Returns the tasks, also the ones that the events have started.
pub(crate) async fn tasks_of(app: &TestApp, sent: Vec<Outgoing>) -> Vec<Outgoing> {
    let (events, mut tasks): (Vec<_>, Vec<_>) =
        sent.into_iter().partition(|message| message.queue == Queue::Events);
    for event in &events {
        let delivery = Delivery { body: &event.body, message_id: "m-1" };
        let db = app.app.db().expect("a database");
        let handled = events::handle_messages(db, app.app.event_handlers(), &[delivery]).await;
        assert!(handled.error.is_none(), "{:?}", handled.error);
        tasks.extend(handled.outgoing);
    }
    tasks
}

async fn verify(app: &TestApp, body: &Value) -> Response {
    let event = event("auth-email-verify").body(body).header("Authorization", None);
    call(app, auth_email_verify::handler, &event).await
}

#[tokio::test]
async fn a_new_address_is_confirmed_by_the_mail_and_then_signs_in() {
    let app = private().await;
    let response = sign_up(&app, "ada@example.com").await;
    assert_eq!(response.status, 202, "{response:?}");
    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    let mails = mails(&app).await;
    let mail = mails.iter().find(|mail| link(mail).is_some()).expect("a mail with a link");
    let body = json!({ "id": response.text("/id"), "code": code(mail), "verifier": VERIFIER });
    assert_eq!(verify(&app, &body).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
    // Without a challenge the mail is sent all the same. Its link asks for the password.
    let body = json!({ "email": "bob@example.com", "password": OLD });
    let response = call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
    assert_eq!(response.status, 202, "{response:?}");
    let bob = app.mails().await.remove(0);
    verify(&app, &json!({ "token": token(&bob) })).await.is_error(403, "password_needed");
    assert_eq!(verify(&app, &json!({ "token": token(&bob), "password": OLD })).await.status, 204);
}

/// The deployment hides who has an account. A person who signs up and then tries to sign in learns no more.
#[tokio::test]
async fn h8_a_known_address_gets_the_same_response_and_its_owner_a_mail() {
    let app = private().await;
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 202);
    mails(&app).await;
    let mut shapes = Vec::new();
    for email in ["ada@example.com", "ADA@Example.com", "new@example.com"] {
        let response = sign_up(&app, email).await;
        let fields: Vec<&String> = response.body.as_object().expect("an object").keys().collect();
        assert_eq!((response.status, fields), (202, vec![&"id".to_owned()]), "{email}");
        let sent = app.bus.take();
        let queues: Vec<Queue> = sent.iter().map(|message| message.queue).collect();
        let task = "select concat_ws(' ', name, queue, owner, unique_key) from task
                    where name = 'send_challenge' and args->>'challenge' = $1";
        let client = app.database.client().await;
        let task =
            client.query_one(task, &[&response.text("/id")]).await.expect("a task").get::<_, String>(0);
        shapes.push((queues, task));
        let mails = mails_of(&app, sent).await;
        let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
        if email == "new@example.com" {
            assert_eq!(to, ["new@example.com", "new@example.com"]);
        } else {
            assert_eq!(to, ["ada@example.com"], "{email}");
            assert!(link(&mails[0]).is_none() && mails[0].subject().contains("already have an account"));
        }
        let guess = json!({ "id": response.text("/id"), "code": "K7M2QX4T", "verifier": VERIFIER });
        verify(&app, &guess).await.is_error(422, "validation").names("code", "wrong");
        sign_in(&app, email, OLD).await.is_error(401, "unauthenticated");
        sign_in(&app, email, NEW).await.is_error(401, "unauthenticated");
    }
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "{shapes:?}");
    assert_eq!(count(&app, "select count(*) from users").await, 2);
    let noted = "select count(*) from audit_log where action = 'sign_up' and outcome = 'failure'";
    assert_eq!(count(&app, noted).await, 2);
}

/// A right password for an address that is not confirmed looks like a wrong one, and brings the link again.
#[tokio::test]
async fn h8_a_denied_sign_in_looks_like_a_wrong_password_and_brings_the_link_again() {
    let app = private().await;
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 202);
    mails(&app).await;
    let denied = sign_in(&app, "ada@example.com", OLD).await;
    let wrong = sign_in(&app, "ada@example.com", NEW).await;
    let unknown = sign_in(&app, "nobody@example.com", OLD).await;
    for other in [&wrong, &unknown] {
        other.is_error(401, "unauthenticated");
        assert_eq!(denied.body["message"], other.body["message"]);
    }
    // The relay sends the events: sign-in has no right to send. All refusals have one, and one of them a task and
    // a mail.
    let client = app.database.client().await;
    let bodies = "select body from outbox where body like '%sign_in_unverified%'";
    let (mut refusals, mut tasks, mut mails) = (0, 0, Vec::new());
    for row in client.query(bodies, &[]).await.expect("events") {
        let delivery = Delivery { body: row.get(0), message_id: "m-1" };
        let db = app.app.db().expect("a database");
        let handled = events::handle_messages(db, app.app.event_handlers(), &[delivery]).await;
        assert!(handled.error.is_none(), "{:?}", handled.error);
        refusals += 1;
        for task in &handled.outgoing {
            tasks += 1;
            mails.extend(app.deliver(&app.work(&task.body).await).await);
        }
    }
    assert_eq!((refusals, tasks), (3, 1));
    let [mail] = &mails[..] else { panic!("{} mails", mails.len()) };
    let body = json!({ "token": token(mail), "password": OLD });
    assert_eq!(verify(&app, &body).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
}

/// Somebody signs up with another person's address first. Its owner signs up too, and sets a password by a mail.
#[tokio::test]
async fn a_squatter_gains_nothing_and_who_may_not_sign_in_gets_no_mail() {
    let app = private().await;
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 202);
    mails(&app).await;
    let body = json!({ "email": "ada@example.com", "password": NEW });
    assert_eq!(call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await.status, 202);
    assert_eq!(mails(&app).await.len(), 1);
    sign_in(&app, "ada@example.com", NEW).await.is_error(401, "unauthenticated");
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    assert_eq!(reset(&app, &token(&app.mails().await[0]), NEW).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    for end in ["is_active = false", "is_active = true, deleted_at = now()"] {
        let end = format!("update users set {end}");
        app.database.client().await.batch_execute(&end).await.expect("ended");
        app.bus.take();
        assert_eq!(sign_up(&app, "ada@example.com").await.status, 202);
        assert_eq!(mails(&app).await.len(), 0, "{end}");
    }
}

#[tokio::test]
async fn with_a_key_the_same_request_gets_the_same_response_and_sends_no_second_mail() {
    let app = private().await;
    // The address is new with the first key, and known with the second.
    for key in ["new", "known"] {
        let event = sign_up_event("ada@example.com").header("Idempotency-Key", Some(key));
        let first = call(&app, auth_sign_up::handler, &event).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (202, None), "{key}");
        let sent = app.bus.take();
        assert_eq!(sent.len(), 2, "{key}: {sent:?}");
        let told = mails_of(&app, sent).await.iter().any(|mail| mail.subject().contains("already have"));
        assert_eq!(told, key == "known");
        let again = call(&app, auth_sign_up::handler, &event).await;
        assert_eq!((again.status, &again.body), (202, &first.body));
        assert_eq!((again.header("idempotency-replayed"), app.bus.take().len()), (Some("true"), 0));
    }
}

#[tokio::test]
async fn a_mailbox_is_not_flooded_by_sign_ups() {
    let app = of_test(|config| config.private_sign_up = true).await;
    for n in 0..4 {
        let status = sign_up(&app, "ada@example.com").await.status;
        assert_eq!(status, if n < 3 { 202 } else { 429 }, "{n}");
    }
}
