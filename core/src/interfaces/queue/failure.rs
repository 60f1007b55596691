//! Logs and stores the failure of a record.

use super::{Record, Source, source::Carrier};
use crate::{
    app::App,
    application::tasks,
    domain::{Error, Result},
    infrastructure::messaging::{dead_letters, envelope},
};

impl Carrier {
    fn failed(self) -> &'static str {
        match self {
            Self::Sqs => "the message failed; it will be delivered again",
            Self::Kafka => "the record failed; its partition starts again at it",
        }
    }

    fn refused(self) -> &'static str {
        match self {
            Self::Sqs => "the message was refused; it ends in the dead-letter queue",
            Self::Kafka => "the record was refused; its partition waits until it can be handled or expires",
        }
    }
}

/// Logs a failure. If a retry cannot help, or this was the last delivery, it also stores the reason, because
/// SQS and Kafka do not keep it.
pub(super) async fn note(app: &App, source: Source, carrier: Carrier, record: &Record, error: &Error) {
    let receives = match carrier {
        Carrier::Sqs => Some(record.receives()),
        Carrier::Kafka => None,
    };
    let last = receives.is_some_and(|receives| receives >= app.config().queues.max_receive_count);
    if error.retryable() && !last {
        tracing::warn!(error_code = error.code(), error = error.chain(), receives, "{}", carrier.failed());
        return;
    }
    if source.queue.carries_tasks()
        && let Ok(db) = app.db()
        && let Err(second) = tasks::set_aside(db, record.delivery()).await
    {
        tracing::warn!(error = second.chain(), "the task's row could not be marked as set aside");
    }
    match keep(app, source, record, error).await {
        // SQS delivers a refused message until it moves it to the dead-letter queue. One log line is enough.
        Ok(false) => {}
        Ok(true) => {
            tracing::error!(
                error_code = error.code(),
                error = error.chain(),
                receives,
                "{}",
                carrier.refused()
            )
        }
        Err(second) => tracing::error!(
            error_code = error.code(),
            error = error.chain(),
            receives,
            not_kept = second.chain(),
            "{}",
            carrier.refused()
        ),
    }
}

async fn keep(app: &App, source: Source, record: &Record, error: &Error) -> Result<bool> {
    let name = envelope::name_of(&record.body);
    let conn = app.db()?.conn().await?;
    dead_letters::note(&conn, source.queue, &record.message_id, name.as_deref(), &error.chain()).await
}
