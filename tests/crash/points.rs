//! THE TABLE: what each function does on the wire, step by step, and the names of points.
//!
//! Every step is swept at four moments (`Moment`): before it, in the middle of it, with nobody
//! waiting for its answer, and with the answer there and unseen. A statement or a call that is
//! added to a function is added here; a test fails until then.

use test_support::wire::control::Moment;

/// One way through a function.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// In the order of their first appearance; labels are those of `test_support::wire::label`.
    pub(crate) steps: &'static [&'static str],
}

/// The answer to the Runtime API, which whoever invoked the function does not get to see. Every
/// scene ends with it, and it has one moment.
pub(crate) const RESPONSE: &str = "response";

pub(crate) const SIGN_UP: Scene = Scene {
    name: "sign-up",
    steps: &[
        // Before all else, and by itself: what fails counts, too.
        "insert into rate_limit",
        "begin",
        "insert into users",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A link that is sent back with a new password, of a user whose address was not proved before.
pub(crate) const RESET: Scene = Scene {
    name: "reset",
    steps: &[
        "insert into rate_limit",
        "select from challenge",
        // What the new password must not consist of; and again, locked, in the transaction.
        "select from users",
        "begin",
        "update challenge set used_at",
        "update users set email_verified_at",
        "update users set password_hashed",
        "update auth_session set revoked_at",
        "update api_key set revoked_at",
        "delete from sign_in_place",
        "delete from rate_limit",
        "insert into task",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A link that proves an address.
pub(crate) const VERIFY: Scene = Scene {
    name: "verification",
    steps: &[
        "insert into rate_limit",
        "select from challenge",
        "begin",
        "select from users",
        "update challenge set used_at",
        "update users set email_verified_at",
        "insert into audit_log",
        "commit",
    ],
};

/// A request that its sender names: the name, the effects and the answer are one transaction.
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

/// Events that come again, because nobody knows what became of them: one by one, under a strike.
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

pub(crate) const SCENES: &[&Scene] = &[
    &SIGN_UP,
    &RESET,
    &VERIFY,
    &SEND_MESSAGE,
    &RELAY,
    &RELAY_KAFKA,
    &CONSUMER,
    &CONSUMER_AGAIN,
    &CONSUMER_APPLIED,
    &WORKER,
    &WORKER_AGAIN,
    &RETRY,
    &FIRING,
    &MISFIRE,
    &ERASE,
];

/// The points that the promise is usually told by, and where in the sweep they are.
pub(crate) const NAMES: &[(&str, &Scene, &str, Moment)] = &[
    ("producer: before the transaction", &SIGN_UP, "begin", Moment::Before),
    ("producer: after the insert", &SIGN_UP, "insert into outbox", Moment::Answered),
    ("producer: before the commit", &SIGN_UP, "commit", Moment::Before),
    ("producer: after the commit", &SIGN_UP, "commit", Moment::Answered),
    ("producer: mid-send", &SIGN_UP, "SendMessageBatch", Moment::Half),
    ("producer: after the send", &SIGN_UP, "SendMessageBatch", Moment::Answered),
    ("producer: before the mark", &SIGN_UP, "update outbox set published_at", Moment::Before),
    ("producer: after the mark", &SIGN_UP, "update outbox set published_at", Moment::Answered),
    ("reset: after the link was used up", &RESET, "update challenge set used_at", Moment::Answered),
    ("reset: before the commit", &RESET, "commit", Moment::Before),
    ("reset: after the commit", &RESET, "commit", Moment::Answered),
    ("verification: before the commit", &VERIFY, "commit", Moment::Before),
    ("verification: after the commit", &VERIFY, "commit", Moment::Answered),
    ("named request: before the commit", &SEND_MESSAGE, "commit", Moment::Before),
    ("named request: after the commit", &SEND_MESSAGE, "commit", Moment::Answered),
    ("named request: before the response", &SEND_MESSAGE, RESPONSE, Moment::Answered),
    ("relay: after the claim", &RELAY, "update outbox set due_at", Moment::Answered),
    ("relay: mid-send", &RELAY, "SendMessageBatch", Moment::Half),
    ("relay: after the send", &RELAY, "SendMessageBatch", Moment::Answered),
    ("relay: before the mark", &RELAY, "update outbox set published_at", Moment::Before),
    ("relay: after the mark", &RELAY, "update outbox set published_at", Moment::Answered),
    ("relay to Kafka: after the claim", &RELAY_KAFKA, "update outbox set due_at", Moment::Answered),
    ("relay to Kafka: before the mark", &RELAY_KAFKA, "update outbox set published_at", Moment::Before),
    ("relay to Kafka: after the mark", &RELAY_KAFKA, "update outbox set published_at", Moment::Answered),
    ("consumer: after the receive", &CONSUMER, "begin", Moment::Before),
    ("consumer: after the inbox insert", &CONSUMER, "insert into inbox", Moment::Answered),
    ("consumer: mid-effect", &CONSUMER, "insert into task", Moment::Forwarded),
    ("consumer: before the commit", &CONSUMER, "commit", Moment::Before),
    ("consumer: after the commit", &CONSUMER, "commit", Moment::Answered),
    ("consumer: before the response", &CONSUMER, RESPONSE, Moment::Answered),
    ("worker: after the receive", &WORKER, "update task set state = 'running'", Moment::Before),
    ("worker: after the claim", &WORKER, "update task set state = 'running'", Moment::Answered),
    ("worker: mid-success", &WORKER, "update task set state = 'succeeded'", Moment::Half),
    ("worker: after the success", &WORKER, "update task set state = 'succeeded'", Moment::Answered),
    ("worker: before the response", &WORKER, RESPONSE, Moment::Answered),
    ("firing: after its row", &FIRING, "insert into task", Moment::Answered),
    ("failure: after it was noted", &MISFIRE, "update task set state = 'failed'", Moment::Answered),
    ("eraser: between user and rows", &ERASE, "delete from users", Moment::Answered),
    ("eraser: before the commit", &ERASE, "commit", Moment::Before),
    ("eraser: after the commit", &ERASE, "commit", Moment::Answered),
    ("retry: before the transaction", &RETRY, "begin", Moment::Before),
    ("retry: after the state", &RETRY, "update task set state", Moment::Answered),
    ("retry: after the insert", &RETRY, "insert into outbox", Moment::Answered),
    ("retry: before the commit", &RETRY, "commit", Moment::Before),
    ("retry: after the commit", &RETRY, "commit", Moment::Answered),
    ("retry: before the response", &RETRY, RESPONSE, Moment::Answered),
];

#[test]
fn every_named_point_is_one_of_the_sweep() {
    for (name, scene, label, moment) in NAMES {
        let known = SCENES.iter().find(|known| known.name == scene.name).expect("a scene of the table");
        let swept = known.points().contains(&Point { label, moment: *moment });
        assert!(swept, "{name}: {scene:?} has no such step");
    }
}

/// Where a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) label: &'static str,
    pub(crate) moment: Moment,
}

impl Scene {
    /// All of them.
    pub(crate) fn points(&self) -> Vec<Point> {
        let on_the_wire =
            self.steps.iter().flat_map(|label| Moment::ALL.map(|moment| Point { label, moment }));
        on_the_wire.chain([Point { label: RESPONSE, moment: Moment::Answered }]).collect()
    }

    /// Fails unless this is what the table says; otherwise how often each step was taken.
    ///
    /// # Panics
    /// Naming what is missing on which side.
    pub(crate) fn compare(&self, taken: &[String]) -> Vec<(&'static str, usize)> {
        let mut seen: Vec<&str> = Vec::new();
        for step in taken {
            if !seen.contains(&step.as_str()) {
                seen.push(step);
            }
        }
        assert_eq!(
            seen, self.steps,
            "left: what `{}` does on the wire, right: the table in tests/crash/points.rs",
            self.name
        );
        let times = |label: &str| taken.iter().filter(|step| *step == label).count();
        self.steps.iter().map(|label| (*label, times(label))).collect()
    }
}

#[test]
#[should_panic(expected = "the table in tests/crash/points.rs")]
fn a_step_without_a_point_fails() {
    let mut taken: Vec<String> = RELAY.steps.iter().map(|step| (*step).to_owned()).collect();
    taken.push("insert into users".to_owned());
    RELAY.compare(&taken);
}

#[test]
#[should_panic(expected = "the table in tests/crash/points.rs")]
fn a_point_without_a_step_fails() {
    RELAY.compare(&["SendMessageBatch".to_owned()]);
}
