//! The mail about a sign-in at a place where the account was not used lately.

use app_core::{
    infrastructure::{
        mail::Mail,
        messaging::{Outgoing, Queue},
    },
    testing::{TestApp, event},
};
use catalogue::functions::{auth_code, auth_code_redeem, auth_sign_out};
use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};
use time::Duration;

use crate::{
    limits::{from, sign_in_from},
    mailbox::{Mailbox, digits},
    sign_in_code::{asked, by_code},
    support::{Response, call, confirm_addresses, count, sign_in, sign_up, signed_in},
};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";
const ELSEWHERE: &str = "198.51.100.7";

/// Does the relay's work for these mails, and returns them.
async fn news(app: &TestApp) -> Vec<Mail> {
    let client = app.database.client().await;
    let left = "delete from outbox where published_at is null and body like '%\"new_device\"%'
                returning id, queue, body";
    let rows = client.query(left, &[]).await.expect("messages");
    let messages: Vec<Outgoing> = rows
        .iter()
        .map(|row| {
            assert_eq!(row.get::<_, &str>(1), Queue::Mail.as_str());
            let delay = std::time::Duration::ZERO;
            Outgoing { id: row.get(0), queue: Queue::Mail, body: row.get(2), group: None, delay }
        })
        .collect();
    app.mails().await;
    app.deliver(&messages).await
}

/// Ada has proved her address, and has signed in once.
async fn ada() -> TestApp {
    let app = TestApp::new().await;
    signed_in(&app).await;
    confirm_addresses(&app).await;
    app
}

async fn run(app: &TestApp, statement: &str) {
    app.database.client().await.batch_execute(statement).await.expect("done");
}

#[tokio::test]
async fn a_sign_in_at_a_new_place_is_told_once_with_time_and_address() {
    let app = ada().await;
    app.clock.advance(Duration::seconds(1));
    assert_eq!(sign_in_from(&app, ELSEWHERE, ADA, PASSWORD).await.status, 200);
    let mails = news(&app).await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, ADA));
    let text = mails[0].text();
    assert!(text.contains("from a new place") && text.contains(ELSEWHERE), "{text}");
    assert!(text.contains("1 January 2026 at 12:00 UTC"), "{text}");
    // The user owns the task, which names no address.
    let owned = "select count(*) from task join users on owner = uuid
                 where name = 'security_mail' and args->>'notice' = 'new_device' and args::text not like '%198.51%'";
    assert_eq!(count(&app, owned).await, 1);
    // Both places are known now.
    assert_eq!(sign_in_from(&app, ELSEWHERE, ADA, PASSWORD).await.status, 200);
    assert_eq!(sign_in(&app, ADA, PASSWORD).await.status, 200);
    assert_eq!(news(&app).await.len(), 0);
}

#[tokio::test]
async fn the_first_sign_in_and_an_address_that_is_not_proved_bring_no_mail() {
    let app = TestApp::new().await;
    sign_up(&app, ADA).await;
    confirm_addresses(&app).await;
    assert_eq!(sign_in(&app, ADA, PASSWORD).await.status, 200);
    assert_eq!(news(&app).await.len(), 0, "the first one");

    let app = TestApp::new().await;
    signed_in(&app).await;
    assert_eq!(sign_in_from(&app, ELSEWHERE, ADA, PASSWORD).await.status, 200);
    assert_eq!(news(&app).await.len(), 0, "not proved");
}

/// Nobody without the right password learns whether a place is known: nothing is written.
#[tokio::test]
async fn a_wrong_password_at_a_new_place_brings_no_mail() {
    let app = ada().await;
    let tasks = count(&app, "select count(*) from task").await;
    sign_in_from(&app, ELSEWHERE, ADA, "wrong horse battery").await.is_error(401, "unauthenticated");
    assert_eq!((news(&app).await.len(), count(&app, "select count(*) from task").await), (0, tasks));
}

#[tokio::test]
async fn an_account_that_was_not_used_for_long_knows_no_place() {
    let app = ada().await;
    // The clean-up has deleted the rows.
    run(&app, "delete from auth_session; delete from sign_in_place").await;
    run(&app, "update users set email_verified_at = '2025-11-01'").await;
    assert_eq!(sign_in(&app, ADA, PASSWORD).await.status, 200);
    assert_eq!(news(&app).await.len(), 1);
}

#[tokio::test]
async fn after_a_sign_out_everywhere_the_next_sign_in_is_told() {
    let app = ada().await;
    let pair = sign_in(&app, ADA, PASSWORD).await;
    assert_eq!(news(&app).await.len(), 0);
    let out = event("auth-sign-out").bearer(&pair.text("/access")).body(&json!({ "everywhere": true }));
    assert_eq!(call(&app, auth_sign_out::handler, &out).await.status, 204);
    assert_eq!(sign_in(&app, ADA, PASSWORD).await.status, 200);
    assert_eq!(news(&app).await.len(), 1);
}

/// A person who has taken over the number signs in elsewhere. The owner still reads the mailbox.
#[tokio::test]
async fn a_sign_in_by_a_code_at_a_new_place_is_told_too() {
    let app = ada().await;
    run(&app, "update users set phone = '+4915123456789', phone_verified_at = now()").await;
    app.mails().await;
    let at = async |place: &str, name: &str, body: Value| -> Response {
        let event = from(event(name).body(&body), place);
        match name {
            "auth-code" => call(&app, auth_code::handler, &event).await,
            _ => call(&app, auth_code_redeem::handler, &event).await,
        }
    };
    let wish = json!({ "phone": "+4915123456789", "challenge": challenge() });
    let response = at(ELSEWHERE, "auth-code", wish).await;
    let code = digits(&app.texts().await[0]);
    let proof = json!({ "id": response.text("/id"), "code": code, "verifier": VERIFIER });
    assert_eq!(at(ELSEWHERE, "auth-code-redeem", proof).await.status, 200);
    let mails = news(&app).await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, ADA));
    assert!(mails[0].text().contains(ELSEWHERE), "{}", mails[0].text());
    // By a mail, from the place that the account knows.
    let (id, mail) = asked(&app).await;
    assert_eq!(by_code(&app, &id, &crate::mailbox::code(&mail)).await.status, 200);
    assert_eq!(news(&app).await.len(), 0);
}
