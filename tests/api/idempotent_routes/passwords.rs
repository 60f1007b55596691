//! A change of the password and its repetition: the second request comes with a password that is no longer right.

use futures_util::future::join;

use super::{NEXT, PASSWORD, World};
use crate::support::{count, sign_in, until_waiting, with_connections};

#[tokio::test]
async fn a_request_that_had_a_response_gets_it_again_though_its_password_is_old() {
    let world = World::new().await;
    assert_eq!(world.change_password(PASSWORD, NEXT).await.status, 204);
    assert_eq!(world.change_password(PASSWORD, NEXT).await.status, 204, "the same request");
    // Another one under that key is refused, and counts as a try.
    world.change_password(NEXT, PASSWORD).await.is_error(422, "validation");
    assert_eq!(sign_in(&world.app, "ada@example.com", NEXT).await.status, 200);
    let noted = "select count(*) from audit_log where action = 'password_changed'";
    assert_eq!(count(&world.app, noted).await, 1);
}

#[tokio::test]
async fn a_twin_that_comes_while_the_password_changes_is_no_wrong_guess() {
    let world = World::on(with_connections(2).await).await;
    // Rows to hold: the limits are counted in them.
    world.change_password("wrong horse battery", NEXT).await.is_error(422, "validation");
    let (user, limits) = (world.app.database.client().await, world.app.database.client().await);
    user.batch_execute("begin; select from users for update").await.expect("a lock");
    let first = async {
        let first = world.change_password(PASSWORD, NEXT).await;
        // The twin continues only now, after the password has changed.
        limits.batch_execute("rollback").await.expect("the lock is gone");
        first
    };
    let between = async {
        until_waiting(&world.app, "update users set password_hashed", 1).await;
        limits.batch_execute("begin; select from rate_limit for update").await.expect("a lock");
        let release = async {
            // The twin, at its limits.
            until_waiting(&world.app, "with b", 1).await;
            user.batch_execute("rollback").await.expect("the lock is gone");
        };
        join(world.change_password(PASSWORD, NEXT), release).await.0
    };
    let (first, twin) = join(first, between).await;
    assert_eq!((first.status, twin.status), (204, 204), "{twin:?}");
    assert_eq!(twin.header("idempotency-replayed"), Some("true"));
    let noted = "select count(*) from audit_log where action = 'password_changed' and outcome = 'failure'";
    assert_eq!(count(&world.app, noted).await, 1, "only the one from before");
}
