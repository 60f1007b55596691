//! Every outcome leaves exactly one row in the audit log, and what changes nothing leaves none.

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{Response, call, me, prove, refresh, sign_in, sign_up};

const PASSWORD: &str = "correct horse battery";
const NEXT: &str = "staple of another horse";

/// Reads the action and the outcome of the rows that the log gained since the last look.
struct Log {
    app: TestApp,
    seen: std::sync::atomic::AtomicI64,
}

impl Log {
    async fn news(&self) -> Vec<String> {
        let query = "select id, action || ' ' || outcome from audit_log where id > $1 order by id";
        let seen = self.seen.load(std::sync::atomic::Ordering::SeqCst);
        let rows = self.app.database.client().await.query(query, &[&seen]).await.expect("rows");
        if let Some(last) = rows.last() {
            self.seen.store(last.get(0), std::sync::atomic::Ordering::SeqCst);
        }
        rows.iter().map(|row| row.get(1)).collect()
    }

    #[track_caller]
    fn is(&self, news: &[String], expected: &[&str], response: &Response) {
        assert_eq!(news, expected, "{response:?}");
    }
}

async fn change_password(app: &TestApp, access: &str, current: &str, new: &str) -> Response {
    let body = json!({ "current": current, "new": new });
    call(app, auth_password_change::handler, &event("auth-password-change").bearer(access).body(&body)).await
}

async fn sign_out(app: &TestApp, access: &str, body: &Value) -> Response {
    call(app, auth_sign_out::handler, &event("auth-sign-out").bearer(access).body(body)).await
}

async fn revoke(app: &TestApp, access: &str, id: &str) -> Response {
    let mut event = event("auth-sessions-revoke").bearer(access);
    event.0["pathParameters"] = json!({ "id": id });
    call(app, auth_sessions_revoke::handler, &event).await
}

#[tokio::test]
async fn each_outcome_of_a_sessions_life_is_one_row() {
    let log = Log { app: TestApp::new().await, seen: 0.into() };
    let app = &log.app;
    let ada = "ada@example.com";

    let response = sign_up(app, ada).await;
    log.is(&log.news().await, &["sign_up success"], &response);
    let response = sign_up(app, ada).await;
    log.is(&log.news().await, &[], &response); // 409: nothing happened to an account
    for (email, password) in [(ada, "wrong horse battery"), ("nobody@example.com", PASSWORD)] {
        let response = sign_in(app, email, password).await;
        log.is(&log.news().await, &["sign_in failure"], &response);
    }
    let one = sign_in(app, ada, PASSWORD).await;
    log.is(&log.news().await, &["sign_in success"], &one);

    // A refresh is the session's own row; its replay and a bad token are nothing.
    let two = refresh(app, &one.text("/refresh")).await;
    let replay = refresh(app, &one.text("/refresh")).await;
    assert_eq!((two.status, replay.status), (200, 200));
    refresh(app, "no token").await;
    me(app, "no token").await;
    log.is(&log.news().await, &[], &two);

    let response = prove(app, &two.text("/access"), "wrong horse battery").await;
    log.is(&log.news().await, &["reauthenticated failure"], &response);
    let response = prove(app, &one.text("/access"), PASSWORD).await;
    log.is(&log.news().await, &[], &response); // 403: not the latest token
    let two = prove(app, &two.text("/access"), PASSWORD).await;
    log.is(&log.news().await, &["reauthenticated success"], &two);

    let response = change_password(app, &two.text("/access"), "wrong horse battery", NEXT).await;
    log.is(&log.news().await, &["password_changed failure"], &response);
    let response = change_password(app, &two.text("/access"), PASSWORD, "short").await;
    log.is(&log.news().await, &[], &response); // 422: not tried
    let response = change_password(app, &two.text("/access"), PASSWORD, NEXT).await;
    log.is(&log.news().await, &["password_changed success"], &response);

    let three = sign_in(app, ada, NEXT).await;
    let sessions = event("auth-sessions-list").bearer(&three.text("/access"));
    let listed = call(app, auth_sessions_list::handler, &sessions).await;
    let other = listed.body["results"].as_array().expect("a list").iter().find(|one| one["current"] == false);
    let id = other.expect("another session")["id"].as_str().expect("an id").to_owned();
    log.news().await;
    let response = revoke(app, &three.text("/access"), &id).await;
    log.is(&log.news().await, &["session_revoked success"], &response);
    let response = revoke(app, &three.text("/access"), &id).await;
    log.is(&log.news().await, &[], &response); // 404
    let response = sign_out(app, &three.text("/access"), &json!({ "everywhere": true })).await;
    log.is(&log.news().await, &["sign_out success"], &response);
    let response = sign_out(app, &three.text("/access"), &json!({})).await;
    log.is(&log.news().await, &[], &response); // 401

    let stolen = sign_in(app, ada, NEXT).await;
    let next = refresh(app, &stolen.text("/refresh")).await;
    refresh(app, &next.text("/refresh")).await;
    log.news().await;
    let response = refresh(app, &stolen.text("/refresh")).await;
    log.is(&log.news().await, &["session_reuse_detected success"], &response);
    let response = refresh(app, &stolen.text("/refresh")).await;
    log.is(&log.news().await, &[], &response); // it has ended already
}

#[tokio::test]
async fn what_cannot_be_noted_does_not_happen() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let pair = sign_in(&app, "ada@example.com", PASSWORD).await;
    let other = sign_in(&app, "ada@example.com", PASSWORD).await;
    let full = "alter table audit_log add constraint full_up check (false) not valid";
    app.database.client().await.batch_execute(full).await.expect("a log that takes no more");
    let access = pair.text("/access");
    let sessions = event("auth-sessions-list").bearer(&access);
    let id = call(&app, auth_sessions_list::handler, &sessions).await.text("/results/0/id");
    for response in [
        sign_up(&app, "bob@example.com").await,
        sign_in(&app, "ada@example.com", PASSWORD).await,
        change_password(&app, &access, PASSWORD, NEXT).await,
        prove(&app, &access, PASSWORD).await,
        revoke(&app, &access, &id).await,
        sign_out(&app, &access, &json!({ "everywhere": true })).await,
    ] {
        response.is_error(500, "internal");
    }
    for pair in [&pair, &other] {
        assert_eq!(me(&app, &pair.text("/access")).await.status, 200, "no session has ended");
    }
    let made = "select (select count(*) from users) + (select count(*) from auth_session)";
    assert_eq!(crate::support::count(&app, made).await, 3, "nobody and nothing was made");
}
