//! The eraser: a user is gone with every row, or is whole.

use serde_json::json;
use test_support::wire::{drain::Crew, mapping::Record, queues::Queue, world::World};
use uuid::Uuid;

use crate::{points::ERASE, sweep::sweep_deliveries, volume::Volume};

/// A user who asked for the deletion long ago, with rows that go in each of the ways that there are.
const DUE: &str = "
    with made as (
      insert into users (uuid, email, deleted_at) values ($1, $1::uuid || '@example.com', '2020-01-01') returning uuid
    ), session as (
      insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
      select uuid, uuid, 'a', 'k', now(), now(), now(), now() from made
    ), own_key as (
      insert into idempotency_key (user_uuid, route, key, fingerprint)
      select uuid, 'r', 'k', decode(repeat('00', 16), 'hex') from made
    )
    insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
    select uuid, uuid, 'k', sha256('k'), '{}', now(), now() from made";

/// Users without one of their rows, and rows without their user.
const HALVES: &str = "
    select count(*) from users
    full join auth_session on auth_session.user_uuid = users.uuid
    full join idempotency_key on idempotency_key.user_uuid = coalesce(users.uuid, auth_session.user_uuid)
    left join api_key on api_key.user_uuid = users.uuid
    where users.uuid is null or auth_session.id is null or idempotency_key.key is null or api_key.id is null";

#[test]
fn a_user_whose_eraser_is_killed_anywhere_is_erased_once_and_never_in_part() {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", ERASE.name));
        let world = World::new();
        let mut crew = Crew::new(&world);
        let mut fired: i64 = 0;

        let fire = |crew: &mut Crew<'_>, held: &mut Vec<Record>| {
            // Whatever the run before has died of.
            assert_eq!(world.database.count(HALVES, &[]), 0, "a user is erased in part");
            world.database.rows(DUE, &[&Uuid::now_v7()]);
            fired += 1;
            let time = format!("2026-01-01T{:02}:{:02}:{:02}Z", fired / 3600, fired / 60 % 60, fired % 60);
            let body = json!({ "task": "erase_users", "args": {}, "schedule": "erase-users", "time": time });
            world.queues.send(Queue::Tasks, &[body.to_string()]);
            let all =
                std::iter::from_fn(|| Some(crew.worker.receive(10, true)).filter(|some| !some.is_empty()));
            let (ours, others): (Vec<Record>, Vec<Record>) =
                all.flatten().partition(|record| record.body.contains(&time));
            held.extend(others);
            ours
        };
        sweep_deliveries(&ERASE, volume.events, volume, &mut crew, |crew| &mut crew.worker, fire);

        assert_eq!(world.database.count("select count(*) from users", &[]), 0, "every task has ended");
        assert_eq!(world.database.count(HALVES, &[]), 0, "a user is erased in part");
        let noted = "select count(distinct subject) from audit_log where action = 'user_erased'";
        assert_eq!(world.database.count(noted, &[]), fired, "users that were erased");
        let entries = "select count(*) from audit_log where action = 'user_erased'";
        assert_eq!(world.database.count(entries, &[]), fired, "erased twice");
    }
}
