//! The mail server refuses some mails. The relay, the consumer and the worker run as real processes.

use test_support::wire::{drain::Crew, queues::Queue, world::World};
use uuid::Uuid;

use crate::{
    alone,
    mail_server::{MailServer, Refusal, Stage},
};

/// How a user's welcome mail ended: its state, its code and its attempts.
fn outcome(world: &World, user: &Uuid) -> (String, Option<String>, i32) {
    let sql = "select state, error, attempt from task where name = 'welcome_mail' and args ->> 'user' = $1";
    let rows = world.database.rows(sql, &[&user.to_string()]);
    let [row] = &rows[..] else { panic!("{} tasks for one mail", rows.len()) };
    (row.get("state"), row.get("error"), row.get("attempt"))
}

/// A permanent reply about the recipient or the text ends the task. A reply about our account does not,
/// because an operator can correct that.
#[test]
fn a_refused_recipient_and_a_refused_text_end_their_tasks_and_all_other_mails_arrive() {
    let _alone = alone();
    let mut world = World::new();
    let users = world.make_users(6);
    let [no_mailbox, bad_text, suspended, others @ ..] = &users[..] else { panic!("six users") };
    let address = |user: &Uuid| format!("{user}@example.com");
    let server = MailServer::start(vec![
        Refusal {
            to: address(no_mailbox),
            stage: Stage::Recipient,
            reply: "550 5.1.1 no such mailbox here",
            times: usize::MAX,
        },
        Refusal {
            to: address(bad_text),
            stage: Stage::Text,
            reply: "554 5.6.0 content refused",
            times: usize::MAX,
        },
        Refusal {
            to: address(suspended),
            stage: Stage::Text,
            reply: "554 Access denied: sending suspended",
            times: 1,
        },
    ]);
    world.more.extend(server.settings());
    world.queues.send(Queue::Events, &World::events(&users));
    let mut crew = Crew::new(&world);
    crew.drain();

    let failed = ("failed".to_owned(), Some("invalid".to_owned()), 1);
    for (user, reply) in [(no_mailbox, "replied 550 5.1.1"), (bad_text, "replied 554 5.6.0")] {
        assert_eq!((outcome(&world, user), server.refused(&address(user))), (failed.clone(), 1), "{reply}");
        // The log has the server's reply under the task's id, but not the server's words.
        let id = "select id::text from task where name = 'welcome_mail' and args ->> 'user' = $1";
        let id: String = world.database.rows(id, &[&user.to_string()])[0].get(0);
        let is_its = |line: &&String| line.contains(&id) && line.contains("failed permanently");
        let logs = crew.mail.sandbox.logs_until(|logs| logs.iter().any(|line| is_its(&line)));
        let line = logs.iter().find(is_its);
        let line = line.unwrap_or_else(|| panic!("no line about {id}: {logs:#?}"));
        let words = ["no such mailbox", "content refused", "example.com"];
        assert!(line.contains(reply) && !words.iter().any(|words| line.contains(words)), "{line}");
    }
    let succeeded = |attempt| ("succeeded".to_owned(), None, attempt);
    assert_eq!((outcome(&world, suspended), server.refused(&address(suspended))), (succeeded(2), 1));
    for user in others {
        assert_eq!(outcome(&world, user), succeeded(1));
    }
    let mut expected: Vec<String> = users[2..].iter().map(address).collect();
    expected.sort_unstable();
    assert_eq!(server.delivered(), expected, "each mail once");
    assert_eq!(world.queues.dead(Queue::Mail), 0);
}
