//! Many mails, and a mail server that never replies: no other task waits for them.

use std::net::TcpListener;

use test_support::wire::{mapping::Mapping, queues::Queue, world::World};

use crate::alone;

/// More than both workers take at once.
const USERS: usize = 30;

#[test]
fn a_flood_of_mails_to_a_silent_server_delays_no_other_task() {
    let _alone = alone();
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("smtp://{}", silent.local_addr().expect("an address"));
    let mut world = World::new();
    world.more.extend([("MAIL_URL", url), ("MAIL_FROM", "no-reply@app.example".to_owned())]);
    world.queues.send(Queue::Events, &World::events(&world.make_users(USERS)));
    let mut consumer = Mapping::consumer(&world);
    while consumer.poll().is_some() {}
    assert_eq!([Queue::Tasks, Queue::Mail].map(|queue| world.queues.size(queue)), [30, 30]);

    let (mut mail, mut worker) = (Mapping::mail(&world), Mapping::worker(&world));
    let control = mail.sandbox.control();
    std::thread::scope(|scope| {
        scope.spawn(|| mail.poll());
        while worker.poll().is_some() {}
        // The function would wait for the server until its timeout.
        control.kill();
    });
    let succeeded = |name: &str| {
        world.database.count("select count(*) from task where state = 'succeeded' and name = $1", &[&name])
    };
    assert_eq!((succeeded("say_meow"), succeeded("welcome_mail")), (30, 0));
    drop(silent);
}
