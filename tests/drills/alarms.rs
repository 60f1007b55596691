//! Log lines that ring: the metric filters of the template count the lines that the real programs print when work fails.

use serde_json::json;
use test_support::{
    pattern::{counts, filters, watched},
    wire::{
        drain::{Crew, relay_once},
        queues::Queue,
        sandbox::{Invoked, Sandbox},
        world::World,
    },
};
use uuid::Uuid;

use crate::{
    alone,
    mail_server::{MailServer, Refusal, Stage},
};

/// The character that no queue takes. New messages have it escaped; this row is from before.
const REFUSED: char = '\u{ffff}';

/// How many of the lines this filter counts.
fn counted(logs: &[String], filter: &str) -> usize {
    let all = filters();
    let (_, pattern) = all.iter().find(|(id, _)| id == filter).unwrap_or_else(|| panic!("no {filter}"));
    logs.iter().filter(|line| counts(pattern, line)).count()
}

/// The values of the metric that the alarm on a late outbox looks at.
fn lags(logs: &[String]) -> Vec<u64> {
    watched("OutboxLagAlarm", logs)
}

/// The relay of a new stack runs before its tables are there. It must report, and must not fail.
#[test]
fn the_relay_waits_for_the_first_migration_without_an_alarm() {
    let _alone = alone();
    let world = World::new();
    let mut relay = Sandbox::new(&world, "outbox-relay");
    world.database.run("alter table outbox rename to outbox_of_later");
    let response = relay.invoke("{}", None);
    assert!(matches!(response, Invoked::Response(_)), "{response:?}");
    let logs = relay.logs_until(|logs| !lags(logs).is_empty());
    assert!(logs.iter().any(|line| line.contains("the database has no outbox")), "{logs:#?}");
    assert_eq!(lags(&logs), [0], "{logs:#?}");

    // Any other error is one.
    world
        .database
        .run("alter table outbox_of_later rename to outbox; alter table outbox rename column due_at to due");
    let response = relay.invoke("{}", None);
    assert!(matches!(&response, Invoked::Failed(why) if why.starts_with("internal")), "{response:?}");
    assert_eq!(lags(&relay.logs()), [0]);
}

#[test]
fn what_waits_for_an_operator_is_counted_and_what_needs_nobody_is_not() {
    let _alone = alone();
    let mut world = World::new();
    let users = world.make_users(2);
    let to = |user: &Uuid| format!("{user}@example.com");
    // A recipient that does not exist is nothing for an operator. A text that is refused is.
    let (recipient, text) = ("550 5.1.1 no such mailbox here", "554 5.6.0 content refused");
    let server = MailServer::start(vec![
        Refusal { to: to(&users[0]), stage: Stage::Recipient, reply: recipient, times: usize::MAX },
        Refusal { to: to(&users[1]), stage: Stage::Text, reply: text, times: usize::MAX },
    ]);
    world.more.extend(server.settings());
    world.queues.send(Queue::Events, &World::events(&users));
    let mut crew = Crew::new(&world);
    crew.drain();
    let failed =
        |logs: &[String]| logs.iter().filter(|line| line.contains("the task failed permanently")).count();
    let mails = crew.mail.sandbox.logs_until(|logs| failed(logs) == 2);
    assert_eq!((failed(&mails), counted(&mails, "FailedMailsMetric")), (2, 1), "{mails:#?}");
    relay_once(&mut crew.relay);
    let relays = crew.relay.logs_until(|logs| !lags(logs).is_empty());
    assert!(!lags(&relays).is_empty(), "{relays:#?}");
    assert_eq!(counted(&relays, "ParkedMetric") + counted(&relays, "ParkedKafkaMetric"), 0);

    // Arguments of a wrong shape can never work, and the last refusal of a message parks it.
    let task = |name: &str| {
        json!({ "task": name, "args": { "to": 5, "user": 5 }, "id": Uuid::now_v7() }).to_string()
    };
    world.queues.send(Queue::Tasks, &[task("say_meow")]);
    world.queues.send(Queue::Mail, &[task("welcome_mail")]);
    crew.drain();
    let row = "insert into outbox (id, queue, body, refusals) values ($1, 'tasks', $2, 9)";
    world.database.rows(row, &[&Uuid::now_v7(), &format!("{{\"task\": \"{REFUSED}\"}}")]);
    relay_once(&mut crew.relay);
    let tasks = crew.worker.sandbox.logs_until(|logs| counted(logs, "FailedTasksMetric") == 1);
    let mails = crew.mail.sandbox.logs_until(|logs| counted(logs, "FailedMailsMetric") == 2);
    let relays = crew.relay.logs_until(|logs| counted(logs, "ParkedMetric") == 1);
    for (filter, logs, expected) in [
        ("FailedTasksMetric", &tasks, 1),
        ("FailedMailsMetric", &mails, 2),
        ("ParkedMetric", &relays, 1),
        // Both relays write this line with the same code.
        ("ParkedKafkaMetric", &relays, 1),
    ] {
        assert_eq!(counted(logs, filter), expected, "{filter}: {logs:#?}");
    }
    // A later run of the relay counts it no more.
    relay_once(&mut crew.relay);
    assert_eq!(counted(&crew.relay.logs(), "ParkedMetric"), 1);
    // `queue::lost_events` and `api::text_messages` have the lines of the last two.
    let here = ["FailedTasksMetric", "FailedMailsMetric", "ParkedMetric", "ParkedKafkaMetric"];
    let others: Vec<String> =
        filters().into_iter().map(|(id, _)| id).filter(|id| !here.contains(&id.as_str())).collect();
    assert_eq!(
        others,
        ["LostEventsMetric", "TextMessagesStoppedMetric"],
        "a metric filter without a line of a real program"
    );
}
