//! Accounts that nobody has proved or used are erased after the days of the setting, and no others.

use app_core::{config::Config, testing::TestApp};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    erase_users::{ERASE, run_out_of_time, traces},
    support::{number, one, work},
};

/// The test's clock says 2026-01-01 12:00. So this is 90 days ago.
const OLD: &str = "2025-10-03 12:00:00Z";
const YOUNGER: &str = "2025-10-03 12:00:01Z";

async fn after_90_days() -> TestApp {
    TestApp::with(for_90_days).await
}

fn for_90_days(config: &mut Config) {
    config.unverified_accounts = Some(time::Duration::days(90));
}

/// Somebody signed up, and got a mail.
async fn signed_up(client: &Client, name: &str, created_at: &str) -> Uuid {
    let rows = format!(
        "with made as (
           insert into users (email, password_hashed, created_at)
           values ('{name}@example.com', 'a hash', '{created_at}') returning uuid
         ), challenge as (
           insert into challenge (id, purpose, user_uuid, epoch, subject, created_at, expires_at)
           select gen_random_uuid(), 'verify_email', uuid, 0, 'a', '{created_at}', '{created_at}' from made
         ), noted as (
           insert into audit_log (action, outcome, actor, subject)
           select 'sign_up', 'success', uuid, uuid from made
           union all select 'challenge_sent', 'success', null, uuid from made
           union all select 'sign_in', 'failure', null, uuid from made
         )
         select uuid from made"
    );
    client.query_one(&rows, &[]).await.expect("rows").get(0)
}

async fn run(client: &Client, statement: &str, user: Uuid) {
    assert_eq!(client.execute(statement, &[&user]).await.expect("done"), 1, "{statement}");
}

async fn left(client: &Client) -> Vec<Uuid> {
    let rows = client.query("select uuid from users order by email", &[]).await.expect("users");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn an_account_that_nobody_proved_or_used_is_erased_with_all_its_rows() {
    let app = after_90_days().await;
    let client = app.database.client().await;
    let mut users = Vec::new();
    for (name, handle) in
        [("a", "phone = null"), ("b", "email = null, phone = '+4915123456789'"), ("c", "email = null")]
    {
        let user = signed_up(&client, name, OLD).await;
        run(&client, &format!("update users set {handle} where uuid = $1"), user).await;
        users.push(user);
    }
    assert!(work(&app, &one("tasks-worker", ERASE)).await.is_empty());
    assert!(left(&client).await.is_empty());
    for user in users {
        let kept = vec![("audit_log".to_owned(), 4)];
        assert_eq!(traces(&client, user).await, kept, "what happened, and the erasure");
        let query = "select details from audit_log where action = 'user_erased' and subject = $1";
        let details: Value = client.query_one(query, &[&user]).await.expect("an entry").get(0);
        assert_eq!(details["reason"], "unused");
    }
    let result = "select result from task where name = 'erase_users'";
    let result: Value = client.query_one(result, &[]).await.expect("a result").get(0);
    assert_eq!(result, json!({ "erased": 3, "failed": 0, "done": true }));
}

#[tokio::test]
async fn an_account_that_was_proved_or_used_or_that_somebody_looked_after_stays() {
    let note = |action: &str, whose: &str| {
        format!("insert into audit_log (action, outcome, {whose}) values ('{action}', 'success', $1)")
    };
    let kept = [
        "update users set email_verified_at = now() where uuid = $1".to_owned(),
        "update users set phone = '+4915123456789', phone_verified_at = now() where uuid = $1".to_owned(),
        // Banned: the row keeps somebody out.
        "update users set is_active = false where uuid = $1".to_owned(),
        // The grace period decides.
        "update users set deleted_at = '2025-12-31' where uuid = $1".to_owned(),
        "insert into user_role (user_uuid, role) values ($1, 'admin')".to_owned(),
        "update challenge set expires_at = '2026-01-01 12:00:01Z' where user_uuid = $1".to_owned(),
        // Its sessions are long gone.
        note("sign_in", "subject"),
        note("user_updated", "subject"),
        note("user_updated", "actor"),
        // From the prototype, or from before the rows that the log has pruned.
        "delete from audit_log where subject = $1 and action = 'sign_up'".to_owned(),
        format!("update users set created_at = '{YOUNGER}' where uuid = $1"),
    ];
    let app = after_90_days().await;
    let client = app.database.client().await;
    let mut users = Vec::new();
    for (n, statement) in kept.iter().enumerate() {
        let user = signed_up(&client, &format!("{n:02}"), OLD).await;
        run(&client, statement, user).await;
        users.push(user);
    }
    let unused = signed_up(&client, "unused", OLD).await;
    assert!(work(&app, &one("tasks-worker", ERASE)).await.is_empty());
    for (user, statement) in users.iter().zip(&kept) {
        assert!(left(&client).await.contains(user), "{statement}");
    }
    assert!(!left(&client).await.contains(&unused), "the test sees who is erased");
}

#[tokio::test]
async fn without_the_setting_every_account_stays() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    signed_up(&client, "ada", "2000-01-01").await;
    assert!(work(&app, &one("tasks-worker", ERASE)).await.is_empty());
    assert_eq!(number(&app, "select count(*) from users").await, 1);
}

/// The accounts that stay come first, because they are the oldest.
#[tokio::test]
async fn what_there_is_no_time_for_is_done_by_a_rest_that_goes_on_from_there() {
    let app = TestApp::with_waits_of_production(for_90_days).await;
    let client = app.database.client().await;
    let held = signed_up(&client, "held", "2025-01-01").await;
    signed_up(&client, "unused", "2025-01-02").await;
    let rest = run_out_of_time(&app, held).await;
    let body: Value = serde_json::from_str(&rest.body).expect("JSON");
    assert_eq!(body["args"], json!({ "after": format!("2025-01-01T00:00:00.000000Z,{held}"), "failed": 1 }));
    assert!(work(&app, &one("tasks-worker", &rest.body)).await.is_empty());
    assert_eq!(left(&client).await, [held]);
    // Whom it passed over is not forgotten: the task has failed, and the next day begins with them.
    let failed = "select count(*) from task where name = 'erase_users' and error = 'internal'";
    assert_eq!(number(&app, failed).await, 1);
}
