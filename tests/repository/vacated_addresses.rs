//! An address that is taken from an account which has not proved it.

use app_core::{infrastructure::repository::moved_emails, testing::TestApp};
use uuid::Uuid;

/// Its holder proves it between the look at the holders and the statement that takes it.
#[tokio::test]
async fn an_address_that_was_proved_in_the_meantime_stays() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let insert = "insert into users (email, email_canonical, email_verified_at)
                  select email, email, verified_at
                  from (values ('ada@example.com', null), ('bob@example.com', now())) as row (email, verified_at)
                  returning uuid";
    let rows = client.query(insert, &[]).await.expect("two users");
    let [ada, bob]: [Uuid; 2] = [rows[0].get(0), rows[1].get(0)];
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    for (user, goes, left) in [(ada, true, (None, 1)), (bob, false, (Some("bob@example.com"), 0))] {
        assert_eq!(moved_emails::vacate(&conn, user).await.expect("asked"), goes);
        let row = client.query_one("select email, epoch from users where uuid = $1", &[&user]).await;
        let row = row.expect("a user");
        assert_eq!((row.get(0), row.get(1)), left);
    }
}
