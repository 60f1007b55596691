//! The secret of a link or a code is in the mail, and nowhere else: in no log line, no message of a queue, no row of
//! any table, and no response.

use app_core::{
    telemetry,
    testing::{TestApp, event},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    canaries::Lines,
    mailbox::{Mailbox, code, token},
    support::call,
};

/// Every row of every table, as text.
async fn rows(app: &TestApp) -> String {
    let client = app.database.client().await;
    let tables =
        "select table_name::text from information_schema.tables where table_schema = current_schema()";
    let mut all = String::new();
    for table in client.query(tables, &[]).await.expect("the tables") {
        let query = format!("select t::text from {} as t", table.get::<_, String>(0));
        for row in client.query(&query, &[]).await.expect("rows") {
            all += row.get(0);
            all.push('\n');
        }
    }
    all
}

#[tokio::test]
async fn a_secret_is_in_the_mail_and_nowhere_else() {
    let lines = Lines::default();
    let writer = lines.clone();
    let guard = telemetry::capture(LevelFilter::TRACE, move || writer.clone());
    let app = TestApp::new().await;
    let password = "correct horse battery";
    let mut secrets: Vec<String> = Vec::new();
    let mut seen = String::new();
    let verify = async |body| {
        let event = event("auth-email-verify").body(&body).header("Authorization", None);
        format!("{:?}", call(&app, auth_email_verify::handler, &event).await)
    };
    let reset = async |token: &str, password: &str| {
        let event = event("auth-password-reset").body(&json!({ "token": token, "password": password }));
        format!("{:?}", call(&app, auth_password_reset::handler, &event).await)
    };

    let verifier = "a-verifier-that-nobody-else-may-see-0123456789";
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let body = json!({ "email": "ada@example.com", "password": password, "challenge": challenge });
    let up = call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
    seen += &format!("{up:?}");
    let messages = app.bus.take();
    seen += &format!("{messages:?}");
    let mail = app.deliver(&messages).await.remove(0);
    let (link, code) = (token(&mail), code(&mail));
    let wrong = json!({ "id": up.text("/verification"), "code": "00000000", "verifier": verifier });
    seen += &verify(wrong).await;
    seen += &verify(json!({ "id": up.text("/verification"), "code": code })).await;
    seen += &verify(json!({ "token": link })).await;
    seen += &verify(json!({ "token": link, "password": "wrong horse battery" })).await;
    seen += &verify(json!({ "token": link, "password": password, "unknown": link })).await;
    seen += &verify(json!({ "token": link, "password": password })).await;
    secrets.extend([link[27..].to_owned(), code, verifier.to_owned()]);

    let forgot = event("auth-password-forgot").body(&json!({ "email": "ada@example.com" }));
    seen += &format!("{:?}", call(&app, auth_password_forgot::handler, &forgot).await);
    let messages = app.bus.take();
    seen += &format!("{messages:?}");
    let link = token(&app.deliver(&messages).await[0]);
    seen += &reset(&link, "short").await;
    seen += &reset(&link, "staple of another horse").await;
    seen += &reset(&link, "staple of another horse").await;
    seen += &reset(&link, "a third horse of the staple").await;
    secrets.push(link[27..].to_owned());
    drop(guard);

    let (log, rows) = (lines.text(), rows(&app).await);
    assert!(
        log.contains("request refused") && rows.contains("reset_password") && seen.contains("send_challenge")
    );
    for secret in secrets {
        for (place, text) in [("log", &log), ("table", &rows), ("response or message", &seen)] {
            let line = text.lines().find(|line| line.contains(&secret));
            assert!(line.is_none(), "{place}: {line:?}");
        }
    }
}
