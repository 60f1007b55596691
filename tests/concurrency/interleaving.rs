//! Thousands of requests of fifty users, good and bad, sixteen at a time in one process: nothing of one request gets into
//! another.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use app_core::testing::Event;
use serde_json::{Value, json};
use test_support::{endpoints::Response, process::Process};

use crate::stage::{PATIENCE, Stage, User, call, with_id};

const AT_ONCE: usize = 16;
const USERS: usize = 50;
const EACH: usize = 80;
/// The deadline of a request that waits for longer, and what the function keeps of it for its response.
const SHORT: Duration = Duration::from_millis(1_500);
const RESERVE: Duration = Duration::from_millis(300);
/// How often a connection to Postgres is cut while they run.
const CUTS: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Change,
    /// A change that takes a while in Postgres.
    Slow,
    /// A change under a key that each user has, and the same again.
    Repeated,
    Me,
    BadBody,
    BadToken,
    Panic,
    /// It waits for longer than its deadline, in a sleep or for Postgres.
    Sleep,
    Wait,
}

/// A request, by its user and its number.
struct Sent<'a> {
    user: &'a User,
    /// Whom a change changes.
    other: &'a User,
    kind: Kind,
    id: String,
    trace: String,
}

impl<'a> Sent<'a> {
    fn new(users: &'a [User], of: usize, number: usize) -> Self {
        // All kinds, in another order for each user.
        let kind = match (number * 7 + of * 13) % 40 {
            0 => Kind::Sleep,
            1 if number.is_multiple_of(2) => Kind::Wait,
            2..=4 => Kind::Panic,
            5..=7 => Kind::BadBody,
            8..=9 => Kind::BadToken,
            10..=13 => Kind::Slow,
            14..=19 => Kind::Repeated,
            20..=27 => Kind::Me,
            _ => Kind::Change,
        };
        let trace = format!("{:016x}{:016x}", of + 1, number + 1);
        Self {
            user: &users[of],
            other: &users[(of + 1) % users.len()],
            kind,
            id: format!("r-{of}-{number}"),
            trace,
        }
    }

    fn event(&self) -> Event {
        let event = match self.kind {
            Kind::Me => self.user.me(&self.id),
            Kind::BadToken => self.change().bearer("not.a.token"),
            Kind::BadBody => self.change().body(&json!({ "first_name": 5 })),
            _ => self.change(),
        };
        let fault = match self.kind {
            Kind::Slow => Some("slow"),
            Kind::Panic => Some("panic"),
            Kind::Sleep => Some("sleep"),
            Kind::Wait => Some("wait"),
            _ => None,
        };
        // The same keys for all users.
        let key = (self.kind == Kind::Repeated).then(|| self.id.rsplit('-').next().expect("a number"));
        event
            .header("X-Mark", Some(&self.id))
            .header("X-Fault", fault)
            .header("Idempotency-Key", key)
            .header("traceparent", Some(&format!("00-{}-00f067aa0ba902b7-01", self.trace)))
    }

    fn change(&self) -> Event {
        self.user.change_of(self.other, &self.id)
    }

    fn deadline(&self) -> Duration {
        if matches!(self.kind, Kind::Sleep | Kind::Wait) { SHORT } else { PATIENCE }
    }

    /// Whether a connection was lost to Postgres that it needed.
    fn is_lost(&self, response: &Response, took: Duration) -> bool {
        let is_late = took >= SHORT - RESERVE;
        let may_be = self.kind != Kind::Sleep && !(self.kind == Kind::Wait && is_late);
        may_be && response.status == 503 && response.body["request_id"] == *self.id
    }

    /// What is wrong with its response.
    fn fault(&self, response: &Response, took: Duration) -> Option<String> {
        let about = |user: &User| response.body["uuid"] == *user.uuid;
        let error = |status, code: &str| {
            response.status == status
                && response.body["code"] == *code
                && response.body["request_id"] == *self.id
        };
        let is_right = match self.kind {
            Kind::Me => response.status == 200 && about(self.user),
            Kind::Change | Kind::Slow | Kind::Repeated => {
                response.status == 200 && about(self.other) && response.body["first_name"] == *self.id
            }
            Kind::BadBody => error(422, "validation") && response.body["details"][0]["key"] == "first_name",
            Kind::BadToken => error(401, "unauthenticated"),
            Kind::Panic => error(500, "internal"),
            Kind::Sleep | Kind::Wait => {
                error(503, "unavailable") && took >= SHORT - RESERVE && took < 2 * SHORT
            }
        };
        let own_id = response.header("x-request-id") == Some(&self.id);
        (!is_right || !own_id).then(|| format!("{:?} {} after {took:?}: {response:?}", self.kind, self.id))
    }
}

/// The faults, the number of requests that were lost with their connection, and the requests of all errors by their ids.
#[derive(Default)]
struct Seen {
    faults: Vec<String>,
    lost: usize,
    errors: BTreeMap<String, String>,
}

impl Seen {
    fn note(&mut self, sent: &Sent<'_>, response: &Response, took: Duration) {
        if sent.is_lost(response, took) {
            self.lost += 1;
        } else {
            self.faults.extend(sent.fault(response, took));
        }
        self.note_error(&sent.id, response);
    }

    fn note_error(&mut self, id: &str, response: &Response) {
        if let Some(error) = response.body["error_id"].as_str() {
            self.errors.insert(error.to_owned(), id.to_owned());
        }
    }
}

fn as_user(process: &Process, users: &[User], of: usize, done: &AtomicUsize, seen: &mut Seen) {
    for number in 0..EACH {
        let sent = Sent::new(users, of, number);
        let (response, took) = call(process, &sent.event(), sent.deadline());
        seen.note(&sent, &response, took);
        if sent.kind == Kind::Repeated && response.status == 200 {
            // The response is the first one's, with a new request id.
            let again = Sent { id: format!("{}-again", sent.id), ..Sent::new(users, of, number) };
            let (second, _) = call(process, &with_id(sent.event(), &again.id), PATIENCE);
            seen.note_error(&again.id, &second);
            if again.is_lost(&second, Duration::ZERO) {
                seen.lost += 1;
            } else if (second.status, &second.body, second.header("x-request-id"))
                != (200, &response.body, Some(&again.id))
            {
                seen.faults.push(format!("{}: {second:?} after {response:?}", again.id));
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Cuts connections one after another while the requests run.
fn cut_connections(stage: &Stage, done: &AtomicUsize) {
    for number in 1..=CUTS {
        let patience = Instant::now() + Duration::from_secs(120);
        while done.load(Ordering::Relaxed) < number * USERS * EACH / (CUTS + 1) {
            assert!(Instant::now() < patience, "the requests stopped");
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(stage.cut(1), 1, "no connection to cut");
    }
}

#[test]
fn nothing_of_one_request_gets_into_another_and_a_lost_connection_costs_only_its_own() {
    let stage = Stage::new();
    let users = stage.administrators(USERS);
    // With a connection for each, none waits for the ones that hold theirs until their deadline.
    let process = stage.process(AT_ONCE, &[("CONNECTIONS_POOL_MAX_SIZE", "16")]);
    let done = AtomicUsize::new(0);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let (process, users, done) = (&process, &users, &done);
        // As many clients as the process has workers, so that none waits for one. Each is one user after another.
        let client = |number: usize| {
            move || {
                let mut seen = Seen::default();
                (number..USERS).step_by(AT_ONCE).for_each(|of| as_user(process, users, of, done, &mut seen));
                seen
            }
        };
        let all: Vec<_> = (0..AT_ONCE).map(|number| scope.spawn(client(number))).collect();
        cut_connections(&stage, done);
        all.into_iter().map(|user| user.join().expect("no panic")).collect()
    });

    let faults: Vec<&String> = seen.iter().flat_map(|seen| &seen.faults).take(20).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let lost = seen.iter().map(|seen| seen.lost).sum();
    assert!(lost <= CUTS, "{lost} requests were lost with {CUTS} connections");

    let errors = seen.iter().flat_map(|seen| &seen.errors).collect();
    assert_log_lines(&users, &errors, &process.function.finish());
    assert_rows(&stage, &users, lost);
}

/// Each line is about one request: its ids, its user and what its code said.
fn assert_log_lines(users: &[User], errors: &BTreeMap<&String, &String>, lines: &[String]) {
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let (mut begun, mut told) = (0, 0);
    for line in lines.iter().filter(|line| !line["span"]["request_id"].is_null()) {
        let id = line["span"]["request_id"].as_str().expect("an id");
        let Some((of, number)) = id.strip_prefix("r-").and_then(|rest| rest.split_once('-')) else {
            continue;
        };
        let (of, number): (usize, usize) =
            (of.parse().expect("a user"), number.trim_end_matches("-again").parse().expect("a number"));
        let sent = Sent::new(users, of, number);
        assert_eq!(line["span"]["trace_id"], *sent.trace, "{line}");
        if line["message"] == "begun" {
            begun += 1;
            assert_eq!(
                (&line["mark"], &line["span"]["user"]),
                (&json!(sent.id), &json!(sent.user.uuid)),
                "{line}"
            );
        }
        if let Some(cause) = line["error"].as_str().filter(|cause| cause.contains("panic")) {
            assert!(sent.kind == Kind::Panic && cause.contains(&format!("of {} ", sent.id)), "{line}");
            assert!(cause.contains("concurrency/function.rs:"), "{line}");
        }
        if let Some(error) = line["error_id"].as_str() {
            told += 1;
            assert_eq!(errors.get(&error.to_owned()).copied(), Some(&id.to_owned()), "{line}");
        }
    }
    assert_eq!(told, errors.len(), "each error has one line");
    assert!(begun > USERS * EACH / 2, "{begun} lines");
}

/// Each change that succeeded has one row in the audit log, by its user and about whom it changed.
fn assert_rows(stage: &Stage, users: &[User], lost: usize) {
    let rows = stage.rows("select request_id, actor, subject from audit_log where action = 'user_updated'");
    let mut by_id = BTreeMap::new();
    for row in &rows {
        let id = row["request_id"].as_str().expect("an id");
        assert!(by_id.insert(id, row).is_none(), "{id} has two rows");
    }
    let mut missing = 0;
    for (of, number) in (0..USERS).flat_map(|of| (0..EACH).map(move |number| (of, number))) {
        let sent = Sent::new(users, of, number);
        let row = by_id.remove(sent.id.as_str());
        let changes = matches!(sent.kind, Kind::Change | Kind::Slow | Kind::Repeated);
        match row {
            Some(row) => {
                assert!(changes, "{:?}: {row}", sent.kind);
                assert_eq!(
                    (&row["actor"], &row["subject"]),
                    (&json!(sent.user.uuid), &json!(sent.other.uuid))
                );
            }
            None => missing += usize::from(changes),
        }
    }
    assert!(by_id.is_empty(), "repetitions changed something: {by_id:?}");
    assert!(missing <= lost, "{missing} changes have no row, and {lost} requests were lost");
}
