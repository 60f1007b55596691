//! The producer.

use app_core::testing::event;
use serde_json::json;
use test_support::wire::{
    drain::Crew,
    ledger::assert_exactly_once,
    sandbox::{Invoked, Sandbox},
    world::World,
};
use uuid::Uuid;

use crate::{
    points::SIGN_UP,
    sweep::{Death, sweep},
    volume::Volume,
};

fn sign_up(address: &str) -> String {
    event("auth-sign-up").body(&json!({ "email": address, "password": "correct horse battery" })).to_string()
}

fn status(response: &Invoked) -> u64 {
    let Invoked::Response(response) = response else { panic!("no response: {response:?}") };
    response["statusCode"].as_u64().unwrap_or_else(|| panic!("no status: {response}"))
}

#[test]
fn a_sign_up_that_is_killed_anywhere_is_told_once_or_has_never_happened() {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("sign-up: run {run}"));
        let world = World::new();
        let (mut first, mut second) =
            (Sandbox::new(&world, "auth-sign-up"), Sandbox::new(&world, "auth-sign-up"));
        let address = || format!("{}@example.com", Uuid::new_v4().simple());
        let clean = address();
        assert_eq!(status(&first.invoke(&sign_up(&clean), None)), 200);
        let taken = first.steps();
        // The function rolls back without a crash, because the address is taken.
        assert_eq!(status(&first.invoke(&sign_up(&clean), None)), 409);

        let (mut asked, mut sure) = (1, vec![clean]);
        sweep(&SIGN_UP, &taken, volume.events, volume, |death| {
            let address = address();
            let response = first.invoke(&sign_up(&address), death.trap());
            asked += 1;
            let killed = match (&response, death) {
                (Invoked::Killed, _) => true,
                (response, Death::BeforeTheResponseArrives) => {
                    assert_eq!(status(response), 200);
                    first.kill();
                    true
                }
                (response, Death::OnTheWire(_)) => panic!("not killed: {response:?}"),
            };
            world.note_kill(format!("sign-up: {death:?}"), &address);
            // Every second client tries again. Its address is free, or its first request has taken it.
            if asked % 2 == 0 {
                let response = second.invoke(&sign_up(&address), None);
                assert!([200, 409].contains(&status(&response)), "{response:?}");
                sure.push(address);
            }
            killed
        });

        // Which of the others have committed only the table knows, once nobody works on it.
        Crew::new(&world).drain();
        let rows = world.database.rows("select uuid, email from users", &[]);
        let committed: Vec<Uuid> = rows.iter().map(|row| row.get("uuid")).collect();
        let addresses: Vec<String> = rows.iter().map(|row| row.get("email")).collect();
        let lost: Vec<&String> = sure.iter().filter(|address| !addresses.contains(address)).collect();
        assert!(lost.is_empty(), "signed up and gone: {lost:?}");
        assert!(committed.len() < asked, "no transaction was rolled back: the sweep proves little");
        assert_exactly_once(&world, &committed);
    }
}
