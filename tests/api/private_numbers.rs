//! Signing up by phone where responses do not tell who has an account (`SIGN_UP_ANSWERS=private`). The names say which
//! hole of the first draft each test guards (H…).

use app_core::{
    config::SmsBudget,
    infrastructure::messaging::Queue,
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};

use crate::{
    limits::of_test,
    mailbox::{digits, run_task},
    password_reset::{NEW, OLD},
    phone::{NUMBER, confirm},
    private_sign_up::{mails_of, private, tasks_of},
    support::{Response, call, count, run},
};

/// The number of an account that has also proved an address.
const ADAS: &str = "+4366012345678";

fn with_password(phone: &str, password: &str) -> Event {
    event("auth-sign-up").body(&json!({ "phone": phone, "password": password, "challenge": challenge() }))
}

async fn sign_up(app: &TestApp, phone: &str) -> Response {
    call(app, auth_sign_up::handler, &with_password(phone, NEW)).await
}

async fn sign_in(app: &TestApp, phone: &str, password: &str) -> Response {
    let body = json!({ "phone": phone, "password": password });
    call(app, auth_tokens::handler, &event("auth-tokens").body(&body)).await
}

/// To whom mails and text messages were sent, and the texts of the latter.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    mails: Vec<String>,
    numbers: Vec<String>,
    texts: Vec<String>,
}

/// Runs what the last requests have started.
async fn told(app: &TestApp) -> Told {
    let mails = mails_of(app, app.bus.take()).await;
    let texts = app.phones.take();
    Told {
        mails: mails.iter().map(|mail| format!("{}: {}", mail.to.as_str(), mail.subject())).collect(),
        numbers: texts.iter().map(|text| text.to.as_str().to_owned()).collect(),
        texts: texts.iter().map(|text| text.text().to_owned()).collect(),
    }
}

/// Signs up, and returns what confirms the number.
async fn proof(app: &TestApp, password: &str) -> Value {
    let response = call(app, auth_sign_up::handler, &with_password(NUMBER, password)).await;
    assert_eq!(response.status, 202, "{response:?}");
    mails_of(app, app.bus.take()).await;
    let texts = app.phones.take();
    assert_eq!(texts.len(), 1, "one text message");
    json!({ "id": response.text("/id"), "code": digits(&texts[0]), "verifier": VERIFIER })
}

/// An account that has only a number, which is proved.
async fn confirmed(app: &TestApp) {
    let proof = proof(app, OLD).await;
    assert_eq!(confirm(app, &proof, None).await.status, 204);
    app.bus.take();
}

#[tokio::test]
async fn a_new_number_is_confirmed_by_the_text_message_and_then_signs_in() {
    let app = private().await;
    let proof = proof(&app, OLD).await;
    sign_in(&app, NUMBER, OLD).await.is_error(401, "unauthenticated");
    assert_eq!(confirm(&app, &proof, None).await.status, 204);
    assert_eq!(sign_in(&app, NUMBER, OLD).await.status, 200);
}

/// A number that nobody has, one that somebody typed, one of an account with nothing else, and one of an account with
/// an address.
#[tokio::test]
async fn h8_a_known_number_gets_the_same_response_and_its_owner_a_message() {
    const TYPED: &str = "+4915100000001";
    let app = private().await;
    confirmed(&app).await;
    sign_up(&app, TYPED).await;
    let ada = "insert into users (email, email_canonical, email_verified_at, phone, phone_verified_at)
               values ('ada@example.com', 'ada@example.com', now(), '+4366012345678', now())";
    run(&app, ada).await;
    told(&app).await;
    let mut shapes = Vec::new();
    for (phone, is_new) in [("+4915100000002", true), (TYPED, true), (NUMBER, false), (ADAS, false)] {
        let users = count(&app, "select count(*) from users").await;
        let response = sign_up(&app, phone).await;
        let fields: Vec<&String> = response.body.as_object().expect("an object").keys().collect();
        assert_eq!((response.status, fields), (202, vec![&"id".to_owned()]), "{phone}");
        let sent = app.bus.take();
        let queues: Vec<Queue> = sent.iter().map(|message| message.queue).collect();
        let task = "select concat_ws(' ', name, queue, owner, unique_key) from task
                    where name = 'send_challenge' and args->>'challenge' = $1";
        let client = app.database.client().await;
        let task: String = client.query_one(task, &[&response.text("/id")]).await.expect("a task").get(0);
        shapes.push((queues, task));
        assert_eq!(count(&app, "select count(*) from users").await - users, i64::from(is_new), "{phone}");

        let mails = mails_of(&app, sent).await;
        let texts = app.phones.take();
        if phone == ADAS {
            // It costs nothing.
            assert_eq!((mails.len(), texts.len()), (1, 0), "{phone}");
            assert!(mails[0].to.as_str() == "ada@example.com" && mails[0].subject().contains("already have"));
        } else {
            assert_eq!((mails.len(), texts.len(), texts[0].to.as_str()), (0, 1, phone));
            let said = "You already have an account at APP.";
            assert_eq!(texts[0].text().contains(said), !is_new, "{}", texts[0].text());
            assert_eq!(texts[0].text().contains("is your code to confirm"), is_new, "{}", texts[0].text());
        }
        let guess = json!({ "id": response.text("/id"), "code": "12345678", "verifier": VERIFIER });
        confirm(&app, &guess, None).await.is_error(422, "validation").names("code", "wrong");
        sign_in(&app, phone, NEW).await.is_error(401, "unauthenticated");
    }
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "{shapes:?}");
    let noted = "select count(*) from audit_log where action = 'sign_up' and outcome = 'failure'";
    assert_eq!(count(&app, noted).await, 2);
    assert_eq!(sign_in(&app, NUMBER, OLD).await.status, 200, "nothing changes for the owner");
}

#[tokio::test]
async fn a_squatter_does_not_keep_the_owner_from_signing_up() {
    let app = private().await;
    proof(&app, OLD).await;
    let owner = proof(&app, NEW).await;
    assert_eq!(confirm(&app, &owner, None).await.status, 204);
    assert_eq!(sign_in(&app, NUMBER, NEW).await.status, 200);
    sign_in(&app, NUMBER, OLD).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_gets_a_message_for_a_user_who_may_not_sign_in() {
    let app = private().await;
    confirmed(&app).await;
    for end in ["is_active = false", "is_active = true, deleted_at = now()"] {
        run(&app, &format!("update users set {end}")).await;
        assert_eq!(sign_up(&app, NUMBER).await.status, 202);
        assert_eq!(told(&app).await, Told { mails: vec![], numbers: vec![], texts: vec![] }, "{end}");
    }
}

#[tokio::test]
async fn with_a_key_the_same_request_gets_the_same_response_and_sends_no_second_message() {
    let app = private().await;
    confirmed(&app).await;
    for phone in ["+4915100000002", NUMBER] {
        let event = with_password(phone, NEW).header("Idempotency-Key", Some("k"));
        let first = call(&app, auth_sign_up::handler, &event).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (202, None), "{phone}");
        assert_eq!(told(&app).await.numbers, [phone]);
        let again = call(&app, auth_sign_up::handler, &event).await;
        assert_eq!((again.status, &again.body), (202, &first.body));
        assert_eq!((again.header("idempotency-replayed"), app.bus.take().len()), (Some("true"), 0));
    }
}

/// A stranger signs up with the number of another user, again and again. This costs only a few messages.
#[tokio::test]
async fn messages_to_a_known_number_have_the_limits_of_asks_and_the_budgets_of_text_messages() {
    let app = of_test(|config| {
        config.private_sign_up = true;
        config.sms.as_mut().expect("the settings").budget = SmsBudget { all: 2, country: 2 };
    })
    .await;
    run(&app, &format!("insert into users (phone, phone_verified_at) values ('{NUMBER}', now())")).await;
    // The budget of a day has room for two.
    for (n, expected) in [(1, Some(1)), (2, Some(1)), (3, Some(0)), (4, None)] {
        let response = sign_up(&app, NUMBER).await;
        assert_eq!(response.status, if expected.is_some() { 202 } else { 429 }, "{n}: {response:?}");
        assert_eq!(told(&app).await.numbers.len(), expected.unwrap_or_default(), "{n}");
    }
    let counted = "select count(*) from text_message where is_proved and redeemed_at is null";
    assert_eq!(count(&app, counted).await, 2);
    let stopped = "select count(*) from task where result->>'why' = 'text messages are stopped'";
    assert_eq!(count(&app, stopped).await, 1);
}

/// Each attempt may have sent it, and then costs money. Who signed up does not wait for days.
#[tokio::test]
async fn a_message_that_cannot_be_sent_is_tried_five_times() {
    let app = private().await;
    confirmed(&app).await;
    app.phones.fail(5);
    assert_eq!(sign_up(&app, NUMBER).await.status, 202);
    let worker = app.app.mail_worker().expect("a worker");
    let mut waiting = tasks_of(&app, app.bus.take()).await;
    while let Some(message) = waiting.pop() {
        if message.queue == Queue::Mail {
            waiting.extend(run_task(&worker, &message.body).await);
        }
    }
    assert_eq!(app.phones.take().len(), 0);
    let ended = "select count(*) from task where result->>'why' = 'too late for a text message'";
    assert_eq!(count(&app, ended).await, 1);
    let attempts = "select attempt::bigint from task where result->>'why' = 'too late for a text message'";
    assert_eq!(count(&app, attempts).await, 6);
}
