//! What is said and kept about a record that failed.

use super::{Record, Source, serve::Kind};
use crate::{
    app::App,
    application::tasks,
    domain::{Error, Result},
    infrastructure::messaging::{Queue, dead_letters, envelope},
};

impl Kind {
    fn failed(self) -> &'static str {
        match self {
            Self::Sqs => "message failed, it will come again",
            Self::Kafka => "record failed, its partition begins again with it",
        }
    }

    fn refused(self) -> &'static str {
        match self {
            Self::Sqs => "message refused, it ends in the dead-letter queue",
            Self::Kafka => "record refused, its partition waits until it can be handled or is given up",
        }
    }
}

/// Logs a failure, and if the record will not get better, or was handed out for the last time,
/// writes down why: SQS moves it to the dead-letter queue, and Kafka begins again, without a word.
pub(super) async fn note(app: &App, source: Source, kind: Kind, record: &Record, error: &Error) {
    let receives = match kind {
        Kind::Sqs => Some(record.receives()),
        Kind::Kafka => None,
    };
    let last = receives.is_some_and(|receives| receives >= app.config().queues.max_receive_count);
    if error.retryable() && !last {
        tracing::warn!(code = error.code(), error = error.chain(), receives, "{}", kind.failed());
        return;
    }
    if source.queue == Queue::Tasks
        && let Ok(db) = app.db()
        && let Err(second) = tasks::set_aside(db, record.delivery()).await
    {
        tracing::warn!(error = second.chain(), "the task's row does not say that its message was given up");
    }
    match keep(app, source, record, error).await {
        // A refused message is handed out until SQS moves it: one line is enough.
        Ok(false) => {}
        Ok(true) => {
            tracing::error!(code = error.code(), error = error.chain(), receives, "{}", kind.refused())
        }
        Err(second) => tracing::error!(
            code = error.code(),
            error = error.chain(),
            receives,
            not_kept = second.chain(),
            "{}",
            kind.refused()
        ),
    }
}

async fn keep(app: &App, source: Source, record: &Record, error: &Error) -> Result<bool> {
    let name = envelope::name_of(&record.body);
    let conn = app.db()?.conn().await?;
    dead_letters::note(&conn, source.queue, &record.message_id, name.as_deref(), &error.chain()).await
}
