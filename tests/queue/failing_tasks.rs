//! Tasks that fail: what their row says, and whether their message comes again.

use std::time::Duration;

use app_core::{
    Error, Result,
    application::{
        handlers::Handlers,
        tasks::{self, Task},
    },
    infrastructure::db::{Sql, Tx},
    testing::TestApp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Writes a row, and then does as it is told.
#[derive(Debug, Serialize, Deserialize)]
struct Trouble {
    how: How,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Panic,
    Retry,
    GiveUp,
}

impl Task for Trouble {
    const NAME: &'static str = "trouble";
    const MAX_ATTEMPTS: i32 = 2;

    async fn run(self, tx: &mut Tx<'_>) -> Result<Value> {
        tx.execute("insert into users (email) values ('half-done@example.com')", &[]).await?;
        match self.how {
            How::Panic => panic!("a bug in a task"),
            How::Retry => Err(Error::unavailable("something", "not now")),
            How::GiveUp => Err(Error::NotFound("user")),
        }
    }
}

/// One delivery of the message; whether it is taken off the queue.
async fn deliver(app: &TestApp, how: &str) -> bool {
    let body = json!({ "task": "trouble", "args": { "how": how } }).to_string();
    let handlers = Handlers::new().task::<Trouble>();
    let db = app.app.db().expect("a database");
    tasks::run_message(db, &handlers, &body, "m-1", Duration::from_secs(10)).await.is_ok()
}

async fn row(app: &TestApp) -> (String, i32, String) {
    let client = app.database.client().await;
    let row = client.query_one("select state, attempts, error from task", &[]).await.expect("one task");
    let left = client.query_one("select count(*) from users", &[]).await.expect("a count");
    assert_eq!(left.get::<_, i64>(0), 0, "a failed task leaves nothing behind");
    (row.get(0), row.get(1), row.get(2))
}

#[tokio::test]
async fn a_failure_is_tried_again_until_its_attempts_are_used_up() {
    let app = TestApp::new().await;
    assert!(!deliver(&app, "retry").await, "the message comes again");
    let why = "something unavailable: not now".to_owned();
    assert_eq!(row(&app).await, ("retrying".into(), 1, why.clone()));
    assert!(deliver(&app, "retry").await, "the last failure is acknowledged: the row tells of it");
    assert_eq!(row(&app).await, ("failed".into(), 2, why.clone()));
    assert!(deliver(&app, "retry").await);
    assert_eq!(row(&app).await, ("failed".into(), 2, why), "it is over");
}

#[tokio::test]
async fn a_panic_is_a_failure_like_any_other() {
    let app = TestApp::new().await;
    assert!(!deliver(&app, "panic").await);
    let (state, attempts, error) = row(&app).await;
    assert_eq!((state.as_str(), attempts), ("retrying", 1));
    assert!(error.contains("a bug in a task"), "{error}");
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    let app = TestApp::new().await;
    assert!(deliver(&app, "give_up").await);
    assert_eq!(row(&app).await, ("failed".into(), 1, "user not found".into()));
}
