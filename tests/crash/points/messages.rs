//! What named requests, relays, consumers and workers do on the wire.

use super::Scene;

/// A request that its sender names: the name, the effects and the response are one transaction.
pub(crate) const SEND_MESSAGE: Scene = Scene {
    name: "send-message",
    steps: &[
        // Who asks, by an API key.
        "update api_key set last_used_at",
        "begin",
        // Taking the key: one statement, which first deletes an expired one.
        "delete from idempotency_key",
        "savepoint",
        "update idempotency_key set status",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

pub(crate) const RELAY: Scene = Scene {
    name: "relay",
    steps: &[
        "update outbox set due_at",
        "SendMessageBatch",
        "update outbox set published_at",
        // How far behind it is.
        "select from outbox",
    ],
};

/// The same to Kafka, which is not on a wire that the sweep cuts: what dies before the mark has sent, or
/// has not, and cannot tell.
pub(crate) const RELAY_KAFKA: Scene = Scene {
    name: "relay to Kafka",
    steps: &["update outbox set due_at", "update outbox set published_at", "select from outbox"],
};

/// Events that come for the first time: all of a batch in one transaction.
pub(crate) const CONSUMER: Scene = Scene {
    name: "consumer",
    steps: &[
        "begin",
        "insert into inbox",
        "insert into task",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// Events that come again, because their first result is unknown. They are handled one by one, under a strike.
pub(crate) const CONSUMER_AGAIN: Scene = Scene {
    name: "consumer, again",
    steps: &[
        "select from strike",
        "insert into strike",
        "begin",
        "insert into inbox",
        "insert into task",
        "insert into outbox",
        "commit",
        "delete from strike",
        "delete from dead_letter",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// Events that come again although they have been applied.
pub(crate) const CONSUMER_APPLIED: Scene = Scene {
    name: "consumer, already applied",
    steps: &[
        "select from strike",
        "insert into strike",
        "begin",
        "insert into inbox",
        "rollback",
        "delete from strike",
        "delete from dead_letter",
    ],
};

pub(crate) const WORKER: Scene = Scene {
    name: "worker",
    steps: &[
        "update task set state = 'running'",
        // Whom the mail is for.
        "select from users",
        "update task set state = 'succeeded'",
    ],
};

pub(crate) const WORKER_AGAIN: Scene = Scene {
    name: "worker, again",
    steps: &[
        "select from strike",
        "insert into strike",
        "update task set state = 'running'",
        "select from users",
        "update task set state = 'succeeded'",
        "delete from strike",
        "delete from dead_letter",
    ],
};

/// Tasks that fail at their end and are to be tried again.
pub(crate) const RETRY: Scene = Scene {
    name: "retry",
    steps: &[
        "update task set state = 'running'",
        "update task set state = 'succeeded'",
        "begin",
        // To `retrying`, with the next attempt.
        "update task set state",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A task that comes without a row.
pub(crate) const FIRING: Scene = Scene {
    name: "firing",
    steps: &["update task set state = 'running'", "insert into task", "update task set state = 'succeeded'"],
};

/// The same, and it can never succeed.
pub(crate) const MISFIRE: Scene = Scene {
    name: "misfire",
    steps: &["update task set state = 'running'", "insert into task", "update task set state = 'failed'"],
};

/// A user whose grace period has ended.
pub(crate) const ERASE: Scene = Scene {
    name: "erase",
    steps: &[
        "update task set state = 'running'",
        "insert into task",
        // Who is due.
        "select from users",
        "begin",
        "delete from users",
        // One statement for all tables.
        "delete from auth_session",
        "insert into audit_log",
        "commit",
        "update task set state = 'succeeded'",
    ],
};
