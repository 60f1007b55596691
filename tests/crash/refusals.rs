//! Messages that can never be done: they alone reach the dead-letter queue.

use std::time::{Duration, Instant};

use test_support::wire::{
    database::Database,
    mapping::{Delivered, Mapping, Reading, read},
    queues::Queue,
    world::World,
};

const MAX_RECEIVE_COUNT: u32 = 5;

/// Lambda's part, until the queue is empty: how often each message was handed out, and how many
/// processes died.
fn exhaust(world: &World, consumer: &mut Mapping<'_>) -> (std::collections::HashMap<String, u32>, usize) {
    let (mut handed_out, mut deaths) = (std::collections::HashMap::new(), 0);
    let patience = Instant::now() + Duration::from_secs(120);
    while world.queues.size(Queue::Events) > 0 {
        assert!(Instant::now() < patience, "the queue does not get empty: {handed_out:?}");
        let records = consumer.receive(10, false);
        if records.is_empty() {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        for record in &records {
            *handed_out.entry(record.body.clone()).or_insert(0) += 1;
        }
        let delivered = consumer.deliver(&records, None);
        deaths += usize::from(delivered == Delivered::Killed);
        consumer.settle(&records, &delivered);
    }
    (handed_out, deaths)
}

fn applied(world: &World) -> i64 {
    world.database.count("select count(*) from ledger where what = 'started' and name = 'say_meow'", &[])
}

#[test]
fn of_ten_one_poisoned_message_is_dead_lettered_after_just_its_receives_and_nine_are_applied() {
    let world = World::with_receives(Database::create(), MAX_RECEIVE_COUNT);
    let mut bodies = World::events(&world.make_users(9));
    let poison = bodies[0].replace("user_created", "user_teleported");
    bodies.insert(4, poison.clone());
    world.queues.send(Queue::Events, &bodies);
    let mut consumer = Mapping::consumer(&world);
    let (handed_out, deaths) = exhaust(&world, &mut consumer);
    assert_eq!((applied(&world), world.queues.dead(Queue::Events), deaths), (9, 1, 0));
    assert_eq!(handed_out[&poison], MAX_RECEIVE_COUNT);
    assert!(handed_out.iter().all(|(body, times)| *body == poison || *times == 1), "{handed_out:?}");
    let reasons =
        "select count(*) from dead_letter where name = 'user_teleported' and reason like '%no handler%'";
    assert_eq!(world.database.count(reasons, &[]), 1);
}

#[test]
fn a_message_that_aborts_the_process_takes_only_itself_to_the_dead_letter_queue() {
    let world = World::with_receives(Database::create(), MAX_RECEIVE_COUNT);
    let users = world.make_users(10);
    let bodies = World::events(&users);
    world.queues.send(Queue::Events, &bodies);
    let mut consumer = Mapping::consumer(&world);
    // A process that is about to write the task of this user dies.
    consumer.sandbox.control().set_deadly(&users[4].to_string());
    let (_, deaths) = exhaust(&world, &mut consumer);
    assert_eq!((applied(&world), world.queues.dead(Queue::Events)), (9, 1));
    // Together with the others, then under its first strike, then as a suspect.
    assert_eq!(deaths, 3);
    assert_eq!(
        world.database.count("select count(*) from dead_letter where reason like '%processes crashed%'", &[]),
        1
    );
}

#[test]
fn lambda_reads_three_shapes_as_success_and_five_as_failure_of_all() {
    let sent = ["m-1", "m-2"];
    for well in [r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, "{}", "null"] {
        assert_eq!(read(well, &sent), Reading::Failed(Vec::new()), "{well}");
    }
    for ill in [
        "not JSON",
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
        r#"{"batchItemFailures":[{"item_identifier":"m-1"}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"m-3"}]}"#,
    ] {
        assert_eq!(read(ill, &sent), Reading::AllFailed, "{ill}");
    }
    let one = r#"{"batchItemFailures":[{"itemIdentifier":"m-2"}]}"#;
    assert_eq!(read(one, &sent), Reading::Failed(vec!["m-2".to_owned()]));
}
