//! Requests at the same moment. They wait for rows of users that a transaction of the test holds, so that they overlap
//! on every machine.

use app_core::testing::{TestApp, wish};
use futures_util::future::{LocalBoxFuture, join, join_all, join3};

use xtask::install::pgbouncer::SERVER_CONNECTIONS;

use crate::support::{Response, until_waiting};

/// The beginning of the statement that locks a user and the holders of an address.
pub(crate) const HOLDERS: &str = "select uuid from users where uuid = any";

/// Sends fifty requests at once, of which so many wait for the row of a user, at the statement that begins so. The
/// others get a response before.
pub(crate) async fn fifty_at_once<R: Future<Output = Response>>(
    app: &TestApp,
    (waiting, at): (i64, &str),
    request: impl Fn() -> R,
) -> Vec<Response> {
    let mut client = app.database.client().await;
    let hold = client.transaction().await.expect("a transaction");
    hold.execute("select from users for update", &[]).await.expect("locked");
    // Through PgBouncer, the others wait for its connections.
    let waiting =
        if wish("DATABASE_PROXY_PORT").is_some() { waiting.min(SERVER_CONNECTIONS) } else { waiting };
    let released = async {
        until_waiting(app, at, waiting).await;
        hold.commit().await.expect("released");
    };
    join(join_all((0..50).map(|_| request())), released).await.0
}

/// The ones that succeed have status 204, and the others came too late. Returns how many succeeded, which is at least
/// one.
#[track_caller]
pub(crate) fn successes(responses: &[Response]) -> usize {
    let statuses: Vec<i64> = responses.iter().map(|response| response.status).collect();
    assert!(statuses.contains(&204), "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 422].contains(status)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 204).count()
}

/// All who sign in get the same pair, and the others came too late.
#[track_caller]
pub(crate) fn assert_one_pair(responses: &[Response]) {
    let statuses: Vec<i64> = responses.iter().map(|response| response.status).collect();
    assert!(statuses.iter().all(|status| [200, 422].contains(status)), "{statuses:?}");
    let mut pairs = responses.iter().filter(|response| response.status == 200);
    let first = pairs.next().expect("one signs in").text("/refresh");
    assert!(pairs.all(|response| response.text("/refresh") == first));
}

/// Sends a request that waits for Ada's row, at the statement that begins so. Meanwhile, `change` runs in the transaction
/// that holds the row, and is committed. Returns the response.
pub(crate) async fn meanwhile(
    app: &TestApp,
    waits_at: &str,
    change: &str,
    request: impl Future<Output = Response>,
) -> Response {
    let mut client = app.database.client().await;
    let hold = client.transaction().await.expect("a transaction");
    hold.execute("select from users for update", &[]).await.expect("locked");
    let committed = async {
        until_waiting(app, waits_at, 1).await;
        hold.execute(change, &[]).await.expect("changed");
        hold.commit().await.expect("committed");
    };
    join(request, committed).await.0
}

/// The statement at which a request waits, by its beginning, and the request.
pub(crate) type Waits<'a> = (&'a str, LocalBoxFuture<'a, Response>);

/// Sends two requests that both wait for Ada's row, the first one first in the queue. Returns their responses.
pub(crate) async fn one_after_the_other(app: &TestApp, first: Waits<'_>, second: Waits<'_>) -> [Response; 2] {
    behind(app, "select from users for update", first, second).await
}

/// Sends two requests that wait behind the rows that this statement locks, the second one when the first one waits.
/// Returns their responses.
pub(crate) async fn behind(app: &TestApp, lock: &str, first: Waits<'_>, second: Waits<'_>) -> [Response; 2] {
    let ((first_waits_at, first), (second_waits_at, second)) = (first, second);
    let mut client = app.database.client().await;
    let hold = client.transaction().await.expect("a transaction");
    hold.execute(lock, &[]).await.expect("locked");
    let second = async {
        until_waiting(app, first_waits_at, 1).await;
        second.await
    };
    let released = async {
        until_waiting(app, first_waits_at, 1).await;
        until_waiting(app, second_waits_at, if first_waits_at == second_waits_at { 2 } else { 1 }).await;
        hold.commit().await.expect("released");
    };
    let (first, second, ()) = join3(first, second, released).await;
    [first, second]
}
