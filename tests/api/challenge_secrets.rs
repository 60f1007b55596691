//! The secret of a link or a code is in the mail or the text message, and nowhere else: in no log line, no message of
//! a queue, no row of any table, and no response.

use std::fmt::Debug;

use app_core::{
    domain::auth::challenge::Purpose,
    infrastructure::{mail::Mail, sms::Sms},
    testing::{TestApp, event},
};
use catalogue::functions::{
    auth_code, auth_email_change, auth_email_confirm, auth_email_undo, auth_step_up_send,
};
use serde_json::json;
use test_support::{
    captured::Captured,
    verifier::{VERIFIER as ASKER, challenge_of},
};
use tracing_subscriber::filter::LevelFilter;

use crate::{
    deletion::{delete, restore},
    mailbox::{Mailbox, code, digits, token},
    phone::{self, NUMBER},
    sign_in_code::{ask_event, by_code, by_link},
    support::{call, count, sign_in, sign_up},
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

/// What was seen from outside, and what must not be in it.
struct Watch {
    app: TestApp,
    seen: String,
    secrets: Vec<String>,
}

const PASSWORD: &str = "correct horse battery";
const NEXT: &str = "staple of another horse";

impl Watch {
    fn saw(&mut self, what: &impl Debug) {
        self.seen += &format!("{what:?}\n");
    }

    /// Returns the mails about what has been asked for.
    async fn mails(&mut self) -> Vec<Mail> {
        let messages = self.app.bus.take();
        self.saw(&messages);
        self.app.deliver(&messages).await
    }

    /// Returns the code of the only text message.
    async fn text(&mut self) -> String {
        // Mails about the new number are not the point.
        self.mails().await;
        let texts: Vec<Sms> = self.app.phones.take();
        assert_eq!(texts.len(), 1);
        self.secret(digits(&texts[0]))
    }

    fn secret(&mut self, secret: String) -> String {
        self.secrets.push(secret.clone());
        secret
    }

    /// Returns the code of a mail. It counts with and without its hyphen.
    fn code(&mut self, mail: &Mail) -> String {
        let code = code(mail);
        self.secrets.push(code.replace('-', ""));
        self.secret(code)
    }

    /// Returns the token of a mail. Its first half is the id of the challenge, which is no secret.
    fn token(&mut self, mail: &Mail) -> String {
        let token = token(mail);
        self.secrets.push(token[27..].to_owned());
        token
    }

    /// Ada signs up, confirms the address, and has a new password.
    async fn sign_up_and_reset(&mut self) {
        let verifier = self.secret("a-verifier-that-nobody-else-may-see-0123456789".into());
        let body =
            json!({ "email": "ada@example.com", "password": PASSWORD, "challenge": challenge_of(&verifier) });
        let up = call(&self.app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
        self.saw(&up);
        let mail = self.mails().await.remove(0);
        let (link, code) = (self.token(&mail), self.code(&mail));
        for body in [
            json!({ "id": up.text("/verification"), "code": "00000000", "verifier": verifier }),
            json!({ "id": up.text("/verification"), "code": code }),
            json!({ "token": link }),
            json!({ "token": link, "password": "wrong horse battery" }),
            json!({ "token": link, "password": PASSWORD, "unknown": link }),
            json!({ "token": link, "password": PASSWORD }),
        ] {
            let event = event("auth-email-verify").body(&body).header("Authorization", None);
            let response = call(&self.app, auth_email_verify::handler, &event).await;
            self.saw(&response);
        }
        let forgot = event("auth-password-forgot").body(&json!({ "email": "ada@example.com" }));
        let response = call(&self.app, auth_password_forgot::handler, &forgot).await;
        self.saw(&response);
        let mail = self.mails().await.remove(0);
        let link = self.token(&mail);
        for password in ["short", NEXT, NEXT, "a third horse of the staple"] {
            let event = event("auth-password-reset").body(&json!({ "token": link, "password": password }));
            let response = call(&self.app, auth_password_reset::handler, &event).await;
            self.saw(&response);
        }
        // About the new password.
        self.mails().await;
    }

    /// Somebody signs in by mail. Returns the access token.
    async fn sign_in_by_mail(&mut self, email: &str) -> String {
        let asked = call(&self.app, auth_code::handler, &ask_event(email)).await;
        self.saw(&asked);
        let mail = self.mails().await.remove(0);
        let (link, code) = (self.token(&mail), self.code(&mail));
        let wrong = by_code(&self.app, &asked.text("/id"), "00000000").await;
        self.saw(&wrong);
        let pair = by_code(&self.app, &asked.text("/id"), &code).await;
        assert_eq!(pair.status, 200, "{pair:?}");
        let late = by_link(&self.app, &link).await;
        self.saw(&late.status);
        self.secrets.push(ASKER.into());
        self.secret(pair.text("/refresh"));
        self.secret(pair.text("/access"))
    }

    /// The address of Ada changes, with the code, and changes back.
    async fn change_and_undo(&mut self) {
        let access = sign_in(&self.app, "ada@example.com", NEXT).await.text("/access");
        self.app.bus.take();
        let ask = event("auth-email-change").bearer(&access).body(&json!({ "email": "ada@new.example" }));
        let asked = call(&self.app, auth_email_change::handler, &ask).await;
        self.saw(&asked);
        let mail = self.mails().await.remove(0);
        let (link, code) = (self.token(&mail), self.code(&mail));
        for body in [
            json!({ "token": format!("{}0", &link[..48]) }),
            json!({ "id": asked.text("/id"), "code": code }),
            json!({ "token": link }),
        ] {
            let event = event("auth-email-confirm").bearer(&access).body(&body);
            let response = call(&self.app, auth_email_confirm::handler, &event).await;
            self.saw(&response);
        }
        let mail = self.mails().await.remove(0);
        let link = self.token(&mail);
        for _ in 0..2 {
            let event = event("auth-email-undo").body(&json!({ "token": link }));
            let response = call(&self.app, auth_email_undo::handler, &event).await;
            self.saw(&response);
        }
        self.mails().await;
    }

    /// Bob, who has no password, proves who he is. Returns the access token.
    async fn step_up(&mut self, access: &str) -> String {
        let ask = event("auth-step-up-send").bearer(access);
        let asked = call(&self.app, auth_step_up_send::handler, &ask).await;
        self.saw(&asked);
        let mail = self.mails().await.remove(0);
        let code = self.code(&mail);
        let proof = |code: &str| {
            let body = json!({ "id": asked.text("/id"), "code": code });
            event("auth-reauthenticate").bearer(access).body(&body)
        };
        let wrong = call(&self.app, auth_reauthenticate::handler, &proof("00000000")).await;
        self.saw(&wrong);
        let pair = call(&self.app, auth_reauthenticate::handler, &proof(&code)).await;
        assert_eq!(pair.status, 200, "{pair:?}");
        self.secret(pair.text("/refresh"));
        self.secret(pair.text("/access"))
    }

    /// Bob adds a number and signs in by it. Returns the access token.
    async fn phone(&mut self, access: &str) -> String {
        let asked = phone::ask(&self.app, access, NUMBER).await;
        self.saw(&asked);
        let code = self.text().await;
        for code in ["00000000", &code, &code] {
            let body = json!({ "id": asked.text("/id"), "code": code });
            let response = phone::confirm(&self.app, &body, Some(access)).await;
            self.saw(&response);
        }
        let body = json!({ "phone": NUMBER, "challenge": challenge_of(ASKER) });
        let asked = call(&self.app, auth_code::handler, &event("auth-code").body(&body)).await;
        self.saw(&asked);
        let code = self.text().await;
        let wrong = by_code(&self.app, &asked.text("/id"), "00000000").await;
        self.saw(&wrong);
        let pair = by_code(&self.app, &asked.text("/id"), &code).await;
        assert_eq!(pair.status, 200, "{pair:?}");
        self.secret(pair.text("/refresh"));
        self.secret(pair.text("/access"))
    }

    /// Bob deletes the account and takes the deletion back.
    async fn delete_and_restore(&mut self, access: &str) {
        let response = delete(&self.app, access).await;
        assert_eq!(response.status, 202, "{response:?}");
        self.saw(&response);
        let mail = self.mails().await.remove(0);
        let link = self.token(&mail);
        for token in [&format!("{}0", &link[..48]), &link, &link] {
            let response = restore(&self.app, token).await;
            self.saw(&response);
        }
        self.mails().await;
    }
}

#[tokio::test]
async fn a_secret_is_in_the_mail_and_nowhere_else() {
    let log = Captured::at(LevelFilter::TRACE);
    let mut watch = Watch { app: TestApp::new().await, seen: String::new(), secrets: Vec::new() };
    watch.sign_up_and_reset().await;
    watch.sign_in_by_mail("ada@example.com").await;
    watch.change_and_undo().await;
    sign_up(&watch.app, "bob@example.com").await;
    watch.app.mails().await;
    let bob = watch.sign_in_by_mail("bob@example.com").await;
    watch.app.mails().await;
    let bob = watch.step_up(&bob).await;
    let bob = watch.phone(&bob).await;
    // A code on a phone signs in, but is no recent proof of identity.
    let bob = watch.step_up(&bob).await;
    watch.delete_and_restore(&bob).await;
    let log = log.finish();

    // Each kind was sent and used, so that nothing above passed by.
    for purpose in Purpose::ALL {
        let purpose = purpose.as_str();
        let used =
            format!("select count(*) from challenge where purpose = '{purpose}' and used_at is not null");
        let sent = format!(
            "select count(*) from audit_log where action = 'challenge_sent' and details->>'purpose' = '{purpose}'"
        );
        let (used, sent) = (count(&watch.app, &used).await, count(&watch.app, &sent).await);
        assert!(used > 0 && sent > 0, "{purpose}: {sent} sent, {used} used");
    }
    let rows = rows(&watch.app).await;
    assert!(log.contains("request refused") && rows.contains("email_restored"));
    assert!(watch.seen.contains("send_challenge"));
    assert!(watch.secrets.len() > 20, "{}", watch.secrets.len());
    for secret in watch.secrets {
        for (place, text) in [("log", &log), ("table", &rows), ("response or message", &watch.seen)] {
            let line = text.lines().find(|line| line.contains(&secret));
            assert!(line.is_none(), "{place}: {line:?}");
        }
    }
}
