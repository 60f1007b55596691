//! Messages of a queue: a body is read or refused, never more; a batch of any shape says just which
//! of its records failed.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use app_core::{
    App, Error,
    application::{handlers, registry::Registry},
    infrastructure::messaging::{
        Queue,
        envelope::{ReceivedEvent, TaskMessage, name_of, parse},
    },
    interfaces::queue::{self, Record, Source},
    testing::app_without_database,
};

use serde::{Deserialize, de::IgnoredAny};

use super::wait;

static APP: LazyLock<App> = LazyLock::new(app_without_database);
static HANDLERS: LazyLock<Registry> = LazyLock::new(|| handlers::table(Registry::new()));
const SOURCE: Source = Source { queue: Queue::Events, together: false };

pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    body(&text);
    batch(&text);
}

fn body(text: &str) {
    let _ = name_of(text);
    match parse::<ReceivedEvent>(text) {
        Ok(event) => {
            assert_eq!(event.event_id("m-1"), event.event_id("m-1"));
            match HANDLERS.check(&event.event, &event.data) {
                Ok(_) | Err(Error::Validation(_) | Error::Malformed(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Err(Error::Malformed(_)) => {}
        Err(error) => panic!("{error}"),
    }
    match parse::<TaskMessage>(text) {
        Ok(task) => {
            let written = task.to_json().expect("it serialises");
            let read: TaskMessage = parse(&written).expect("our own");
            assert_eq!(read.task_id("m-1"), task.task_id("m-1"), "{written}");
            assert_eq!((read.task, read.attempt, read.firing), (task.task, task.attempt, task.firing));
        }
        Err(Error::Malformed(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// A batch and its records' ids. Of what else a record has only the place counts: serde reads a struct
/// from a list, too, which no queue writes and which does no harm.
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Id>,
}

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "messageId")]
    message_id: String,
    #[serde(default, rename = "body")]
    _body: IgnoredAny,
    #[serde(default, rename = "attributes")]
    _attributes: IgnoredAny,
}

/// The body of each record decides whether it fails.
fn batch(text: &str) {
    let handler = async |_: App, records: Vec<Record>, _: Instant| {
        records.iter().try_for_each(|record| parse::<ReceivedEvent>(record.delivery().body).map(drop))?;
        Ok(Vec::new())
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let Ok(response) = wait(queue::respond(&APP, SOURCE, queue::Handler::of(handler), text, deadline)) else {
        return;
    };
    // Not by way of a `Value`: what nobody reads may be no JSON in it, as half of a surrogate pair.
    let event: Batch = serde_json::from_str(text).expect("it was read");
    for failed in response.batch_item_failures {
        let id = failed.item_identifier;
        assert!(event.records.iter().any(|record| record.message_id == id), "{id} is no record of the batch");
    }
}
