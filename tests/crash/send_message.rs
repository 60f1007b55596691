//! A request that its sender names, and sends again until it is answered.

use app_core::testing::event;
use serde_json::{Value, json};
use test_support::wire::{
    drain::Crew,
    ledger::assert_exactly_once,
    sandbox::{Invoked, Sandbox},
    world::World,
};
use uuid::Uuid;

use crate::{
    points::SEND_MESSAGE,
    sweep::{Death, sweep},
    volume::Volume,
};

/// An API key of a user who may send events: no token expires over a long sweep.
const KEY: &str = "apk_0000000000000000000001_0000000000000000000002";
const SENDER: &str = "
    insert into role values ('sender', 'of a test', '{debug:send}');
    insert into users (email) values ('sender@example.com');
    insert into user_role (user_uuid, role) select uuid, 'sender' from users where email = 'sender@example.com';
    insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
      select '0000000000000000000001', uuid, 'test', sha256('0000000000000000000002'), '{debug:send}',
             now(), now() + interval '300 days'
      from users where email = 'sender@example.com'";

fn send(user: Uuid) -> String {
    let body = json!({ "event": "user_created", "data": { "uuid": user } });
    let named = event("debug-send-message").header("Idempotency-Key", Some(&format!("once-{user}")));
    named.bearer(KEY).body(&body).to_string()
}

fn sent(response: &Invoked) -> String {
    let Invoked::Response(response) = response else { panic!("no response: {response:?}") };
    assert_eq!(response["statusCode"], 201, "{response}");
    let body: Value = serde_json::from_str(response["body"].as_str().expect("a body")).expect("JSON");
    body["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_named_request_that_is_killed_anywhere_and_sent_again_counts_once() {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", SEND_MESSAGE.name));
        let world = World::new();
        world.database.run(SENDER);
        let (mut first, mut second) =
            (Sandbox::new(&world, "debug-send-message"), Sandbox::new(&world, "debug-send-message"));
        let mut users = world.make_users(1);
        sent(&first.invoke(&send(users[0]), None));
        let taken = first.steps();

        sweep(&SEND_MESSAGE, &taken, volume.events, volume, |death| {
            let user = world.make_users(1)[0];
            users.push(user);
            let response = first.invoke(&send(user), death.trap());
            let killed = match (&response, death) {
                (Invoked::Killed, _) => true,
                (response, Death::BeforeTheResponseArrives) => {
                    sent(response);
                    first.kill();
                    true
                }
                (response, Death::OnTheWire(_)) => panic!("not killed: {response:?}"),
            };
            world.note_kill(format!("send-message: {death:?}"), user.to_string());
            // The sender got no response. It repeats the request now, and again later.
            let id = sent(&second.invoke(&send(user), None));
            assert_eq!(
                sent(&second.invoke(&send(user), None)),
                id,
                "two responses to one request: {death:?}"
            );
            killed
        });

        Crew::new(&world).drain();
        assert_exactly_once(&world, &users);
        let keys = world.database.count("select count(*) from idempotency_key where status = 201", &[]);
        assert_eq!(keys, i64::try_from(users.len()).expect("a few"));
    }
}
