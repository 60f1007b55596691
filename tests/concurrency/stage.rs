//! A process that handles several requests at once, and the users who call it.

use std::{
    thread,
    time::{Duration, Instant},
};

use app_core::testing::{Event, TestApp, event};
use serde_json::{Value, json};
use test_support::{
    endpoints::{self, Response, allow, count},
    process::{Process, drop_role, role},
};
use tokio::runtime::Runtime;
use xtask::runtime_api::Outcome;

/// Long enough on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);

const PASSWORD: &str = "correct horse battery";

pub(crate) struct Stage {
    runtime: Runtime,
    pub(crate) app: TestApp,
    pub(crate) role: String,
}

/// A signed-in user.
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) uuid: String,
    pub(crate) access: String,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (app, role) = runtime.block_on(async {
            let app = TestApp::new().await;
            // The processes know only the time of the machine.
            let now = count(&app, "select extract(epoch from now())::bigint").await;
            let now = time::OffsetDateTime::from_unix_timestamp(now).expect("a time");
            app.clock.advance(now - app.app.clock().now());
            let role = role(&app, "secret").await;
            (app, role)
        });
        Self { runtime, app, role }
    }

    /// Starts the function of this suite (`function.rs`), which handles so many requests at once.
    pub(crate) fn process(&self, at_once: usize, more: &[(&str, &str)]) -> Process {
        self.function(env!("CARGO_BIN_EXE_several-endpoints"), at_once, more)
    }

    pub(crate) fn function(&self, name: &str, at_once: usize, more: &[(&str, &str)]) -> Process {
        let mut process = self.spawn(name, at_once, more);
        let failed = process.function.ready(PATIENCE).expect("its state is known");
        assert_eq!(failed, None, "{:?}", process.function.logs());
        process
    }

    /// Like [`Self::process`], without waiting for its first poll.
    pub(crate) fn unready(&self, at_once: usize, more: &[(&str, &str)]) -> Process {
        self.spawn(env!("CARGO_BIN_EXE_several-endpoints"), at_once, more)
    }

    fn spawn(&self, name: &str, at_once: usize, more: &[(&str, &str)]) -> Process {
        let at_once = at_once.to_string();
        let settings = [&[("AWS_LAMBDA_MAX_CONCURRENCY", at_once.as_str())], more].concat();
        Process::spawn(name, (&self.role, "secret"), &settings)
    }

    /// Signs up users who may change other users.
    pub(crate) fn administrators(&self, number: usize) -> Vec<User> {
        self.runtime.block_on(async {
            let mut users = Vec::new();
            for number in 0..number {
                let email = format!("user-{number}@example.com");
                let uuid = endpoints::sign_up(&self.app, &email).await.text("/uuid");
                let access = endpoints::sign_in(&self.app, &email, PASSWORD).await.text("/access");
                users.push(User { email, uuid, access });
            }
            allow(&self.app, &["users:write"]).await;
            users
        })
    }

    /// The rows of a query, each as JSON.
    pub(crate) fn rows(&self, query: &str) -> Vec<Value> {
        let query = format!("select to_jsonb(it) from ({query}) it");
        self.runtime.block_on(async {
            let rows = self.app.database.client().await.query(&query, &[]).await.expect("rows");
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// Ends so many connections of the process, as a failover would. Returns how many there were to end.
    pub(crate) fn cut(&self, connections: usize) -> usize {
        let cut = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{}' limit {connections}",
            self.role
        );
        self.rows(&cut).len()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.runtime.block_on(drop_role(&self.app, &self.role));
    }
}

impl User {
    pub(crate) fn me(&self, id: &str) -> Event {
        with_id(event("users-me"), id).bearer(&self.access)
    }

    /// The user changes another user's first name to the id of the request.
    pub(crate) fn change_of(&self, other: &Self, id: &str) -> Event {
        let mut event = with_id(event("users-update"), id).bearer(&self.access);
        event.0["pathParameters"] = json!({ "uuid": other.uuid });
        event.body(&json!({ "first_name": id }))
    }

    pub(crate) fn sign_in(&self, id: &str) -> Event {
        with_id(event("auth-tokens"), id).body(&json!({ "email": self.email, "password": PASSWORD }))
    }
}

/// With its own id, as each request that API Gateway sends.
pub(crate) fn with_id(mut event: Event, id: &str) -> Event {
    event.0["requestContext"]["requestId"] = json!(id);
    event
}

/// The same for a client that comes back when it is told to, and until when it gets another response.
pub(crate) fn patiently(process: &Process, event: &Event) -> (Response, Duration) {
    let began = Instant::now();
    loop {
        let (response, _) = call(process, event, PATIENCE);
        if response.status != 503 || began.elapsed() > PATIENCE {
            return (response, began.elapsed());
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Its response, and how long it took, also until a worker was free for it.
pub(crate) fn call(process: &Process, event: &Event, deadline: Duration) -> (Response, Duration) {
    let began = Instant::now();
    let outcome = process.function.call(&event.to_string(), deadline).expect("an outcome");
    let Outcome::Response(response) = outcome else { panic!("{outcome:?}: {:?}", process.function.logs()) };
    let response: Value = serde_json::from_str(&response).expect("JSON");
    (Response::of(&response), began.elapsed())
}
