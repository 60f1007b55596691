//! What a warm request takes from the allocator: a count that no machine and no neighbour changes.

use std::time::{Duration, Instant};

use allocation_counter::measure;
use app_core::{
    interfaces::http,
    testing::{INVOCATION, TestApp, event},
};

use crate::support::{me, signed_in};

/// From the event's text to the response's, Postgres driver included. It may become less.
const ME: u64 = 110;

const REQUESTS: usize = 50;

#[test]
fn a_warm_request_of_users_me_allocates_no_more_than_it_did() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (app, event) = runtime.block_on(async {
        let app = TestApp::new().await;
        let token = signed_in(&app).await.text("/access");
        // Prepares the statement.
        assert_eq!(me(&app, &token).await.status, 200);
        (app, event("users-me").bearer(&token).to_string())
    });
    let handler = http::Handler::of(users_me::handler);
    let request = || {
        runtime.block_on(async {
            let deadline = Instant::now() + Duration::from_secs(60);
            let response = http::respond(&app.app, &handler, &event, INVOCATION, deadline).await;
            assert_eq!(response.status_code, 200);
            serde_json::to_vec(&response).expect("a response serialises");
        });
    };
    // A buffer may have to grow in one of them: what a request needs is the least that one took.
    let least = (0..REQUESTS).map(|_| measure(request).count_total).min();
    assert!(least.is_some_and(|count| count <= ME), "{least:?} allocations, the limit is {ME}");
}
