//! The spans of handlers, each in the trace of its event.

use app_core::{
    Result,
    application::{
        events::{self, Delivery},
        registry::{Handler, Received, Registry},
    },
    infrastructure::tx::Tx,
    testing::TestApp,
};
use serde_json::json;
use test_support::spans::Daemon;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::inbox::Deposited;

/// Succeeds.
struct Done;

impl Handler for Done {
    type Event = Deposited;
    const NAME: &'static str = "done";

    async fn handle(_: &mut Tx<'_>, _: Vec<Received<Deposited>>) -> Result<()> {
        Ok(())
    }
}

/// Never ends.
struct Hangs;

static REACHED: Notify = Notify::const_new();

impl Handler for Hangs {
    type Event = Deposited;
    const NAME: &'static str = "hangs";

    async fn handle(_: &mut Tx<'_>, _: Vec<Received<Deposited>>) -> Result<()> {
        REACHED.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_handler_of_a_batch_that_is_given_up_has_failed_in_the_trace_of_each_event() {
    let app = TestApp::new().await;
    let registry = Registry::new().on::<Done>().on::<Hangs>();
    let daemon = Daemon::start();
    daemon.listen_to_this_test("events-consumer");
    let traces = [1, 2].map(|number| format!("{number:032x}"));
    let bodies = [0, 1].map(|place| {
        let trace = json!({ "traceparent": format!("00-{}-b7ad6b7169203331-01", traces[place]) });
        let data = json!({ "account": "account 0", "amount": 1 });
        json!({ "event": "deposited", "id": Uuid::new_v4(), "data": data, "trace": trace }).to_string()
    });
    let deliveries: Vec<_> = bodies.iter().map(|body| Delivery { body, message_id: "m-1" }).collect();
    tokio::select! {
        _ = events::handle_messages(app.app.db().expect("a database"), &registry, &deliveries) => {
            panic!("the handler ended")
        }
        () = REACHED.notified() => {}
    }
    let datagrams = daemon.received();
    let mut outcomes: Vec<_> =
        datagrams.iter().flatten().map(|span| (&*span.trace, &*span.name, span.failed)).collect();
    outcomes.sort_unstable();
    let [first, second] = &traces;
    assert_eq!(
        outcomes,
        [
            (&**first, "done", false),
            (&**first, "hangs", true),
            (&**second, "done", false),
            (&**second, "hangs", true)
        ]
    );
}
