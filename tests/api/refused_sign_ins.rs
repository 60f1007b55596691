//! Where unconfirmed addresses are kept out, every refusal of a sign-in emits an event. One about a user starts a task, and
//! one about nobody starts none.

use app_core::{
    application::events::{Delivery, handle_messages},
    testing::TestApp,
};

use crate::support::{count, sign_in, sign_up};

#[tokio::test]
async fn a_refusal_starts_a_task_only_for_the_right_password_of_a_user() {
    let app = TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.deny_unverified = true;
        }
    })
    .await;
    sign_up(&app, "ada@example.com").await;
    let client = app.database.client().await;
    for (email, password, started) in [
        ("nobody@example.com", "correct horse battery", 0),
        ("ada@example.com", "wrong horse battery", 0),
        ("ada@example.com", "correct horse battery", 1),
    ] {
        client.batch_execute("delete from outbox").await.expect("done");
        sign_in(&app, email, password).await.is_error(401, "unauthenticated");
        let bodies = "select body from outbox where body like '%sign_in_unverified%'";
        let rows = client.query(bodies, &[]).await.expect("rows");
        assert_eq!(rows.len(), 1, "every refusal has one event");
        let delivery = Delivery { body: rows[0].get(0), message_id: "m-1" };
        let db = app.app.db().expect("a database");
        let handled = handle_messages(db, app.app.event_handlers(), &[delivery]).await;
        assert!(handled.error.is_none(), "{:?}", handled.error);
        let tasks = "select count(*) from task where name = 'ask_to_verify'";
        assert_eq!(count(&app, tasks).await, started, "{email}");
        assert_eq!(handled.outgoing.len(), usize::try_from(started).expect("a few"), "{email}");
    }
    let of_users = "select count(*) from task join users on uuid = owner where name = 'ask_to_verify'";
    assert_eq!(count(&app, of_users).await, 1);
}
