//! Calling endpoints, and reading their responses.

use std::time::{Duration, Instant};

use app_core::{
    App, Result,
    interfaces::http::{self, Admission, Handler, IntoResponse, Request},
    testing::{Event, INVOCATION, TestApp, event},
};
use catalogue::functions::{auth_reauthenticate, auth_sign_up, auth_tokens, auth_tokens_refresh, users_me};
use serde_json::{Value, json};

/// A response as API Gateway would send it.
#[derive(Debug)]
pub struct Response {
    pub status: i64,
    pub body: Value,
    headers: Vec<(String, String)>,
}

impl Response {
    /// From what Lambda would be given.
    pub fn of(response: &Value) -> Self {
        let headers = response["multiValueHeaders"].as_object().expect("headers");
        Self {
            status: response["statusCode"].as_i64().expect("a status"),
            body: response["body"]
                .as_str()
                .map_or(Value::Null, |text| serde_json::from_str(text).expect("a JSON body")),
            headers: headers
                .iter()
                .flat_map(|(key, values)| {
                    values.as_array().expect("values").iter().map(move |value| (key, value))
                })
                .map(|(key, value)| (key.clone(), value.as_str().expect("text").to_owned()))
                .collect(),
        }
    }

    /// One that is there once, or not at all.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice: {self:?}");
        value
    }

    /// The text at a path such as `/user_data/uuid`.
    pub fn text(&self, pointer: &str) -> String {
        let value = self.body.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no text at {pointer}: {self:?}")).to_owned()
    }

    /// Asserts that this is an error in the envelope.
    #[track_caller]
    pub fn is_error(&self, status: i64, code: &str) -> &Self {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        let mut keys: Vec<_> = self.body.as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "details", "error_id", "message", "request_id", "traceback"]);
        assert_eq!(self.body["traceback"], Value::Null);
        self
    }

    /// Asserts that it names just this key and reason.
    #[track_caller]
    pub fn names(&self, key: &str, reason: &str) -> &Self {
        assert_eq!(self.body["details"], json!([{ "key": key, "reason": reason }]), "{self:?}");
        self
    }
}

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub async fn call<H, A, F, R>(app: &TestApp, handler: H, event: &Event) -> Response
where
    H: Fn(App, Request, A) -> F + Clone + Send + Sync + 'static,
    A: Admission + Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
    R: IntoResponse + Send + 'static,
{
    call_raw(app, handler, &event.to_string()).await
}

pub async fn call_raw<H, A, F, R>(app: &TestApp, handler: H, event: &str) -> Response
where
    H: Fn(App, Request, A) -> F + Clone + Send + Sync + 'static,
    A: Admission + Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
    R: IntoResponse + Send + 'static,
{
    let response = http::respond(&app.app, &Handler::of(handler), event, INVOCATION, in_a_minute()).await;
    Response::of(&serde_json::to_value(response).expect("a response serialises"))
}

pub async fn sign_up(app: &TestApp, email: &str) -> Response {
    let body = json!({ "email": email, "password": "correct horse battery" });
    call(app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await
}

pub async fn sign_in(app: &TestApp, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password });
    call(app, auth_tokens::handler, &event("auth-tokens").body(&body)).await
}

pub async fn refresh(app: &TestApp, token: &str) -> Response {
    call(app, auth_tokens_refresh::handler, &event("auth-tokens-refresh").bearer(token)).await
}

/// Proves again who the user is.
pub async fn prove(app: &TestApp, token: &str, password: &str) -> Response {
    let event = event("auth-reauthenticate").bearer(token).body(&json!({ "password": password }));
    call(app, auth_reauthenticate::handler, &event).await
}

pub async fn me(app: &TestApp, token: &str) -> Response {
    call(app, users_me::handler, &event("users-me").bearer(token)).await
}

/// An app with so many open connections to the database, one opened after the other: a busy machine does not open fifty
/// at once in the time that a connection has.
pub async fn with_connections(number: usize) -> TestApp {
    let app = TestApp::with(|config| config.database.as_mut().expect("a database").pool_size = number).await;
    let db = app.app.db().expect("a database");
    let mut open = Vec::new();
    for _ in 0..number {
        open.push(db.conn().await.expect("a connection"));
    }
    drop(open);
    app
}

/// A user who is signed in.
pub async fn signed_in(app: &TestApp) -> Response {
    assert_eq!(sign_up(app, "ada@example.com").await.status, 200);
    let response = sign_in(app, "ada@example.com", "correct horse battery").await;
    assert_eq!(response.status, 200, "{response:?}");
    response
}

/// Confirms the addresses of all users, as if each had followed the link of a mail.
pub async fn confirm_addresses(app: &TestApp) {
    let confirm = "update users set email_verified_at = created_at where email is not null";
    app.database.client().await.batch_execute(confirm).await.expect("confirmed");
}

/// Gives everybody a role that has just these permissions.
pub async fn allow(app: &TestApp, permissions: &[&str]) {
    let client = app.database.client().await;
    let make =
        "insert into role values ('test', 'of a test', $1) on conflict (name) do update set permissions = $1";
    client.execute(make, &[&permissions]).await.expect("a role");
    let grant =
        "insert into user_role (user_uuid, role) select uuid, 'test' from users on conflict do nothing";
    client.execute(grant, &[]).await.expect("a grant");
}

/// One number from one row.
pub async fn count(app: &TestApp, query: &str) -> i64 {
    app.database.client().await.query_one(query, &[]).await.expect("a count").get(0)
}

/// Runs statements that return nothing.
pub async fn run(app: &TestApp, statements: &str) {
    app.database.client().await.batch_execute(statements).await.expect("done");
}

/// The beginning of the statement that locks the owner of most challenges.
pub const OWNER: &str = "select id, uuid, email";

/// Waits until so many statements of this test's connections that begin so wait for a lock. Their beginning, because
/// Postgres shows no more than the first 1,024 bytes.
pub async fn until_waiting(app: &TestApp, beginning: &str, statements: i64) {
    let client = app.database.client().await;
    let patience = in_a_minute();
    while waiting(app, &client, beginning).await < statements {
        assert!(Instant::now() < patience, "no {statements} statements wait that begin with `{beginning}`");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Other tests use the same database, each with a separate schema. The schema names a test's connections, or their
/// role where they come through a proxy.
async fn waiting(app: &TestApp, client: &tokio_postgres::Client, beginning: &str) -> i64 {
    let query = "select count(*) from pg_locks where not granted and pid in (
                   select pid from pg_stat_activity
                   where $2 in (application_name, usename::text) and starts_with(query, $1))";
    client.query_one(query, &[&beginning, &app.database.schema]).await.expect("a count").get(0)
}
