//! The points that the promise is usually told by, and where in the sweep they are.

use test_support::wire::control::Moment;

use crate::points::{
    CHANGE, CONSUMER, DELETE_ME, ERASE, FIRING, MISFIRE, PHONE, Point, REAUTHENTICATE, RELAY, RELAY_KAFKA,
    RESET, RESPONSE, RESTORE_ME, RETRY, SCENES, SEND_MESSAGE, SIGN_IN_CODE, SIGN_UP, Scene, UNDO, VERIFY,
    WORKER,
};

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
    ("change: before the commit", &CHANGE, "commit", Moment::Before),
    ("change: after the commit", &CHANGE, "commit", Moment::Answered),
    ("undo: before the commit", &UNDO, "commit", Moment::Before),
    ("undo: after the commit", &UNDO, "commit", Moment::Answered),
    ("sign-in by code: before the commit", &SIGN_IN_CODE, "commit", Moment::Before),
    ("sign-in by code: after the commit", &SIGN_IN_CODE, "commit", Moment::Answered),
    ("phone number: before the commit", &PHONE, "commit", Moment::Before),
    ("phone number: after the commit", &PHONE, "commit", Moment::Answered),
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
    (
        "reauthentication: after the new generation",
        &REAUTHENTICATE,
        "update auth_session set parent_sid",
        Moment::Answered,
    ),
    ("reauthentication: before the commit", &REAUTHENTICATE, "commit", Moment::Before),
    ("reauthentication: after the commit", &REAUTHENTICATE, "commit", Moment::Answered),
    ("deletion: after the mark", &DELETE_ME, "update users set deleted_at", Moment::Answered),
    ("deletion: before the commit", &DELETE_ME, "commit", Moment::Before),
    ("deletion: after the commit", &DELETE_ME, "commit", Moment::Answered),
    ("restore: after the link was used up", &RESTORE_ME, "update challenge set used_at", Moment::Answered),
    ("restore: before the commit", &RESTORE_ME, "commit", Moment::Before),
    ("restore: after the commit", &RESTORE_ME, "commit", Moment::Answered),
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
