//! That a trap kills where it says: otherwise the sweep would sweep nothing.

use app_core::testing::event;
use serde_json::json;

use test_support::wire::{
    control::{Moment, Trap},
    queues::Queue,
    sandbox::{Invoked, Sandbox},
    world::World,
};

/// What a killed sign-up has left: users, rows in the outbox, of these published ones, messages.
type Left = [i64; 4];

fn left(world: &World) -> Left {
    let count = |sql: &str| world.database.count(sql, &[]);
    [
        count("select count(*) from users"),
        count("select count(*) from outbox"),
        count("select count(*) from outbox where published_at is not null"),
        world.queues.size(Queue::Events).into(),
    ]
}

#[test]
fn a_process_dies_at_the_very_step_and_moment() {
    let world = World::new();
    let mut sign_up = Sandbox::new(&world, "auth-sign-up");
    for (number, (label, moment, gained)) in [
        ("insert into users", Moment::Answered, [0, 0, 0, 0]),
        // The process sends the commit before it gets the response to this statement.
        ("insert into outbox", Moment::Before, [0, 0, 0, 0]),
        ("commit", Moment::Before, [0, 0, 0, 0]),
        ("commit", Moment::Half, [0, 0, 0, 0]),
        ("commit", Moment::Answered, [1, 1, 0, 0]),
        ("SendMessageBatch", Moment::Before, [1, 1, 0, 0]),
        ("SendMessageBatch", Moment::Half, [1, 1, 0, 0]),
        ("SendMessageBatch", Moment::Answered, [1, 1, 0, 1]),
        ("update outbox set published_at", Moment::Before, [1, 1, 0, 1]),
        ("update outbox set published_at", Moment::Half, [1, 1, 0, 1]),
        ("update outbox set published_at", Moment::Answered, [1, 1, 1, 1]),
    ]
    .into_iter()
    .enumerate()
    {
        let before = left(&world);
        let body = json!({ "email": format!("{number}@example.com"), "password": "correct horse battery" });
        let trap = Trap { label: label.to_owned(), nth: 1, moment };
        let response = sign_up.invoke(&event("auth-sign-up").body(&body).to_string(), Some(&trap));
        assert!(matches!(response, Invoked::Killed), "{trap}: {response:?}");
        assert_eq!(sign_up.steps().last().map(String::as_str), Some(label), "it lived on after {trap}");
        let expected: Vec<i64> = before.iter().zip(gained).map(|(before, gained)| before + gained).collect();
        assert_eq!(left(&world), expected.as_slice(), "{trap}");
    }
}
