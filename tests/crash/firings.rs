//! Tasks that come without a row: schedules put their message on the queue, and nothing else.

use serde_json::{Value, json};
use test_support::wire::{drain::Crew, mapping::Record, queues::Queue, world::World};
use uuid::Uuid;

use crate::{
    points::{FIRING, MISFIRE, Scene},
    sweep::sweep_deliveries,
    volume::Volume,
};

#[test]
fn a_firing_whose_worker_is_killed_anywhere_runs_once() {
    run(&FIRING, &|to| json!({ "to": to }), "succeeded");
}

#[test]
fn a_task_that_cannot_succeed_has_failed_once_wherever_its_worker_is_killed() {
    run(&MISFIRE, &|_| json!({ "to": 5 }), "failed");
}

fn run(scene: &Scene, args: &dyn Fn(Uuid) -> Value, end: &str) {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", scene.name));
        let world = World::new();
        let mut crew = Crew::new(&world);
        let mut fired: i64 = 0;

        // One at a time: a neighbour's steps would hide which task's step it is.
        let fire = |crew: &mut Crew<'_>, held: &mut Vec<Record>| {
            fired += 1;
            // As the template's rule has it; no two firings of a schedule have one time.
            let time = format!("2026-01-01T{:02}:{:02}:{:02}Z", fired / 3600, fired / 60 % 60, fired % 60);
            let user = Uuid::now_v7();
            let body =
                json!({ "task": "say_meow", "args": args(user), "schedule": "say-meow", "time": time });
            // EventBridge promises to deliver at least once: the second copy must change nothing.
            let body = body.to_string();
            world.queues.send(Queue::Tasks, &[body.clone(), body]);
            let all =
                std::iter::from_fn(|| Some(crew.worker.receive(10, true)).filter(|some| !some.is_empty()));
            let (mut ours, others): (Vec<Record>, Vec<Record>) =
                all.flatten().partition(|record| record.body.contains(&time));
            held.extend(others);
            held.extend(ours.drain(1..));
            ours
        };
        sweep_deliveries(scene, volume.events, volume, &mut crew, |crew| &mut crew.worker, fire);

        let tasks = "select count(*) from task where state = $1 and finished_at is not null";
        assert_eq!(world.database.count(tasks, &[&end]), fired, "tasks that have {end}");
        assert_eq!(world.database.count("select count(*) from task", &[]), fired, "tasks");
        let twice =
            "select count(*) from (select task from ledger group by task, what having count(*) > 1) as t";
        assert_eq!(world.database.count(twice, &[]), 0, "started or succeeded twice");
    }
}
