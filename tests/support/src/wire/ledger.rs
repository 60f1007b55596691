//! What was applied, and how often, written down by the database itself.
//!
//! A task that is started twice for one event, or succeeds twice, may leave the same rows behind
//! as one that did so once. Triggers note every such moment.

use std::{collections::HashSet, sync::PoisonError};

use serde_json::Value;
use uuid::Uuid;

use super::{database::Params, queues::Queue, world::World};

/// What the event `user_created` starts: tasks by name, and the argument that names the user. A
/// task that is started and is not in this list is a fault.
pub const STARTED: &[(&str, &str)] = &[("say_meow", "to"), ("welcome_mail", "user")];

/// Runs after the migrations, in the test's own database only.
pub(super) const SCRIPT: &str = "
    create table ledger (
      at    timestamptz not null default clock_timestamp(),
      what  text not null,
      task  uuid not null,
      name  text not null,
      args  jsonb not null
    );
    create function note() returns trigger language plpgsql security definer as $$
    begin
      insert into public.ledger (what, task, name, args) values (tg_argv[0], new.id, new.name, new.args);
      return new;
    end $$;
    create trigger note_start after insert on task for each row execute function note('started');
    -- Not only on a change: a second success over the first one counts.
    create trigger note_success after update of state on task for each row
      when (new.state = 'succeeded') execute function note('succeeded');

    -- Tasks for these users fail at their last step, as if they got no lock. `times` says how often.
    create table stumble (who text primary key, times int not null);
    create function stumble() returns trigger language plpgsql security definer as $$
    begin
      if exists (select from public.stumble where who = new.args ->> 'to' and times >= new.attempt) then
        raise exception 'stumbled on purpose' using errcode = 'lock_not_available';
      end if;
      return new;
    end $$;
    create trigger stumble after update of state on task for each row
      when (new.state = 'succeeded') execute function stumble();
";

/// Everything that is wrong with this world, at rest. `committed` are the users whose event was
/// committed: no other event may ever have been told or applied.
pub fn faults(world: &World, committed: &[Uuid]) -> Vec<String> {
    let mut faults = Vec::new();
    let users: Vec<String> = committed.iter().map(ToString::to_string).collect();
    let (names, keys): (Vec<&str>, Vec<&str>) = STARTED.iter().copied().unzip();
    let counts = world.database.rows(
        "select who, started.name, count(ledger.what) as times
         from unnest($1::text[]) as who
         cross join unnest($2::text[], $3::text[]) as started (name, key)
         left join ledger on what = 'started' and ledger.name = started.name and args ->> key = who
         group by who, started.name having count(ledger.what) <> 1",
        &[&users, &names, &keys],
    );
    faults.extend(counts.iter().map(|row| {
        let (who, name, times): (String, String, i64) = (row.get("who"), row.get("name"), row.get("times"));
        format!("the event of {who} was applied {times} times: {name}")
    }));
    let (all, none): (Params<'_>, Params<'_>) = (&[&users, &names, &keys], &[]);
    for (text, sql, params) in [
        (
            "a task started for nobody who was committed",
            "select name || ' ' || args::text from ledger where what = 'started' and not exists (
               select from unnest($2::text[], $3::text[]) as started (name, key)
               where started.name = ledger.name and args ->> key = any($1))",
            all,
        ),
        (
            "tasks started twice for the same thing",
            "select name || ' ' || args::text from ledger where what = 'started'
             group by name, args having count(*) > 1",
            none,
        ),
        (
            "a task that did not succeed exactly once",
            "select task.id || ' ' || task.state || ' ' || task.args || ', successes: ' || count(ledger.what)
             from task left join ledger on ledger.task = task.id and what = 'succeeded'
             group by task.id having task.state <> 'succeeded' or count(ledger.what) <> 1",
            none,
        ),
        (
            // A retry that was written twice is a task that runs in two places.
            "an attempt with more than one message",
            "select concat_ws(' ', body::jsonb ->> 'id', body::jsonb ->> 'attempt') from outbox
             where queue <> 'events'
             group by body::jsonb ->> 'id', body::jsonb ->> 'attempt' having count(*) > 1",
            none,
        ),
        ("a message that never left", "select body from outbox where published_at is null", none),
        ("a dead letter", "select name || ': ' || reason from dead_letter", none),
    ] {
        let found = world.database.rows(sql, params);
        faults.extend(found.iter().map(|row| format!("{text}: {}", row.get::<_, String>(0))));
    }
    for queue in Queue::ALL {
        let dead = world.queues.dead(queue);
        if dead > 0 {
            faults.push(format!("{dead} messages in the dead-letter queue behind {queue:?}"));
        }
    }
    let known: HashSet<&str> = users.iter().map(String::as_str).collect();
    for body in world.told.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let event: Value = serde_json::from_str(body).expect("our own event");
        if !event["data"]["uuid"].as_str().is_some_and(|who| known.contains(who)) {
            faults.push(format!("a transaction that was rolled back was told: {body}"));
        }
    }
    faults
}

/// Asserts that there are no faults. The message names, for each fault, the processes that were killed over it.
pub fn assert_exactly_once(world: &World, committed: &[Uuid]) {
    let faults = faults(world, committed);
    if faults.is_empty() {
        return;
    }
    let kills = world.kills.lock().unwrap_or_else(PoisonError::into_inner);
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
        words.filter(|word| Uuid::parse_str(word).is_ok()).map(str::to_owned).collect()
    };
    let told = faults.iter().take(20).map(|fault| {
        let ids = words(fault);
        let over = kills.iter().filter(|(_, over)| ids.iter().any(|id| over.contains(id.as_str())));
        let places: Vec<&str> = over.map(|(place, _)| place.as_str()).collect();
        format!("{fault}\n    killed over it: {places:?}")
    });
    panic!("{} faults:\n{}", faults.len(), told.collect::<Vec<_>>().join("\n"));
}
