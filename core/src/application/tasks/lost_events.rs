//! Reports events that were sent and that no handler has handled: their queue dropped them, because nobody took
//! them in its retention time, or they are dead letters. Nothing else would say so.

use std::time::Duration;

use uuid::Uuid;

use super::TaskContext;
use crate::{
    config::EventsBus,
    domain::Result,
    infrastructure::messaging::sent_events::{self, SentEvent},
};

/// How far back a run looks. The run is daily, so one that failed is made up for by the next.
const LOOK_BACK: Duration = Duration::from_secs(2 * 86_400);

/// One line of the log names this many.
const NAMED: usize = 20;

/// What was found.
#[derive(Debug, Default)]
struct Lost {
    count: usize,
    named: Vec<String>,
    /// There was no time to look at all of them.
    incomplete: bool,
}

/// Logs a warning about lost events that were sent longer ago than `lives`. Never fails: tasks are more
/// important than this report.
pub(super) async fn report(context: &TaskContext<'_>, lives: Duration) {
    match find(context, lives).await {
        Ok(Lost { count: 0, incomplete: false, .. }) => {}
        Ok(Lost { count, named, incomplete }) => tracing::warn!(
            events = count,
            incomplete,
            first = named.join(", "),
            "events were sent and never handled; see `cargo xtask queue peek events`, then use `cargo xtask outbox resend`"
        ),
        Err(error) => tracing::error!(error = error.chain(), "cannot look for lost events"),
    }
}

async fn find(context: &TaskContext<'_>, lives: Duration) -> Result<Lost> {
    let (mut lost, conn) = (Lost::default(), context.conn()?);
    let handlers = context.known().event_handlers();
    // A topic of Kafka has other retention times, and its reader may be another program.
    if conn.outbox().events != EventsBus::Sqs || handlers.is_empty() {
        return Ok(lost);
    }
    let (enough, mut first, mut after) = (context.time_left() / 2, Vec::<Uuid>::new(), None::<SentEvent>);
    loop {
        let page = sent_events::list(conn, handlers, lives + LOOK_BACK, lives, after).await?;
        for event in page.iter().filter(|event| !event.handled) {
            lost.count += 1;
            if first.len() < NAMED {
                first.push(event.id);
            }
        }
        after = page.last().copied();
        if page.len() < sent_events::PAGE {
            break;
        }
        if context.time_left() < enough {
            lost.incomplete = true;
            break;
        }
    }
    lost.named = sent_events::describe(conn, &first).await?;
    Ok(lost)
}
