//! THE TABLE: what each function does on the wire, step by step.
//!
//! [`accounts`] has what requests of users do, [`messages`] what the functions between queues do.
//!
//! Every step is swept at four moments (`Moment`): before it, in the middle of it, with nobody
//! waiting for its response, and with the response there and unseen. A statement or a call that is
//! added to a function is added here; a test fails until then.

mod accounts;
mod messages;

use test_support::wire::control::Moment;

pub(crate) use accounts::*;
pub(crate) use messages::*;

/// One way through a function.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// In the order of their first appearance; labels are those of `test_support::wire::label`.
    pub(crate) steps: &'static [&'static str],
}

/// The response to the Runtime API, which the caller of the function does not get. Every scene ends with it, and it
/// has one moment.
pub(crate) const RESPONSE: &str = "response";

pub(crate) const SCENES: &[&Scene] = &[
    &SIGN_UP,
    &RESET,
    &SIGN_IN_CODE,
    &VERIFY,
    &CHANGE,
    &UNDO,
    &PHONE,
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
    &REAUTHENTICATE,
    &DELETE_ME,
    &RESTORE_ME,
];

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

    /// Compares the steps that were taken with the table. Returns how often each step was taken.
    ///
    /// # Panics
    /// If they differ. The message shows both lists.
    pub(crate) fn compare(&self, taken: &[String]) -> Vec<(&'static str, usize)> {
        let mut seen: Vec<&str> = Vec::new();
        for step in taken {
            if !seen.contains(&step.as_str()) {
                seen.push(step);
            }
        }
        assert_eq!(
            seen, self.steps,
            "left: what `{}` does on the wire, right: the table in tests/crash/points/",
            self.name
        );
        let times = |label: &str| taken.iter().filter(|step| *step == label).count();
        self.steps.iter().map(|label| (*label, times(label))).collect()
    }
}

#[test]
#[should_panic(expected = "the table in tests/crash/points/")]
fn a_step_without_a_point_fails() {
    let mut taken: Vec<String> = RELAY.steps.iter().map(|step| (*step).to_owned()).collect();
    taken.push("insert into users".to_owned());
    RELAY.compare(&taken);
}

#[test]
#[should_panic(expected = "the table in tests/crash/points/")]
fn a_point_without_a_step_fails() {
    RELAY.compare(&["SendMessageBatch".to_owned()]);
}
