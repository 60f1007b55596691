//! The audit log as it is deployed: the functions' role adds to it and rewrites nothing.

use tokio_postgres::error::SqlState;

use crate::support::{database, new_address, sign_up};

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_role_cannot_rewrite_the_audit_log() {
    let user = sign_up(&new_address());
    let mut client = database().await;
    let query = "select count(*) from audit_log where action = 'sign_up' and subject = $1::text::uuid and ip is not null";
    assert_eq!(client.query_one(query, &[&user]).await.expect("a count").get::<_, i64>(0), 1);
    for statement in [
        "update audit_log set action = 'x'",
        "delete from audit_log",
        "truncate audit_log",
        "drop table audit_log",
    ] {
        let tx = client.transaction().await.expect("a transaction");
        tx.batch_execute("set local role app").await.expect("the role");
        tx.execute("insert into audit_log (action, outcome) values ('test', 'success')", &[])
            .await
            .expect("adds");
        let refused = tx.execute(statement, &[]).await.expect_err(statement);
        assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{statement}: {refused}");
    }
}
