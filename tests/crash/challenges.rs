//! Links that are sent back, by a client that gets no response and asks again.

use app_core::{
    domain::auth::challenge::{Challenge, Owner, Purpose},
    infrastructure::security::ChallengeKeys,
    testing::event,
};
use serde_json::json;
use test_support::wire::{
    sandbox::{Answer, Sandbox},
    world::World,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    points::{RESET, Scene, VERIFY},
    sweep::{Death, sweep},
    volume::Volume,
};

const KEY: &str = "a key for tests, of 32 bytes or more";
const VERIFIER: &str = "a-verifier-of-the-client-that-signed-up-0123456789";

/// A user with a session and a challenge, as if the mail had been sent. Returns the token of the link.
fn asked(world: &World, purpose: Purpose) -> (Uuid, String) {
    let user = world.make_users(1)[0];
    let session = "insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
                   select $1::uuid::text, $1, 'a', 'k', now(), now(), now() + interval '1 day', now() + interval '1 day'
                   returning id";
    world.database.rows(session, &[&user]);
    let subject = format!("{user}@example.com");
    let row = "insert into challenge (id, purpose, kid, user_uuid, epoch, subject, binding, created_at, expires_at)
               values ($1, $2, 'bare', $3, 0, $4, sha256($5::text::bytea), now(), now() + interval '30 minutes')
               returning created_at, expires_at";
    let id = Uuid::now_v7();
    let rows = world.database.rows(row, &[&id, &purpose.as_str(), &user, &subject, &VERIFIER]);
    let time = |column: &str| rows[0].get::<_, OffsetDateTime>(column);
    let challenge = Challenge {
        id,
        purpose,
        kid: Some("bare".into()),
        owner: Some(Owner { user, epoch: 0 }),
        subject: Some(subject),
        data: json!({}),
        binding: None,
        created_at: time("created_at"),
        expires_at: time("expires_at"),
        used: false,
    };
    let token = ChallengeKeys::new(KEY).and_then(|keys| keys.link(&challenge)).expect("a link");
    (user, token.reveal().expose().clone())
}

fn status(answer: &Answer) -> u64 {
    let Answer::Response(answer) = answer else { panic!("no answer: {answer:?}") };
    answer["statusCode"].as_u64().unwrap_or_else(|| panic!("no status: {answer}"))
}

/// Kills the function at every point of the scene, asks again each time, and looks at the state in between and after.
fn killed_anywhere(
    scene: &Scene,
    function: &str,
    purpose: Purpose,
    request: impl Fn(&str) -> String,
    state: impl Fn(&World, Uuid) -> String,
    [old, new]: [&str; 2],
) {
    let volume = Volume::chosen();
    let world = World::new();
    let (mut first, mut second) = (Sandbox::new(&world, function), Sandbox::new(&world, function));
    let (user, token) = asked(&world, purpose);
    assert_eq!(state(&world, user), old);
    assert_eq!(status(&first.invoke(&request(&token), None)), 204);
    let taken = first.steps();
    assert_eq!(state(&world, user), new);
    let (mut olds, mut news) = (0, 0);
    sweep(scene, &taken, volume.events, volume, |death| {
        let (user, token) = asked(&world, purpose);
        let answer = first.invoke(&request(&token), death.trap());
        let killed = match (&answer, death) {
            (Answer::Killed, _) => true,
            (answer, Death::BeforeTheAnswerArrives) => {
                assert_eq!(status(answer), 204);
                first.kill();
                true
            }
            (answer, Death::OnTheWire(_)) => panic!("not killed: {answer:?}"),
        };
        let between = state(&world, user);
        assert!(between == old || between == new, "{death:?} left half of it: {between}");
        olds += usize::from(between == old);
        news += usize::from(between == new);
        // As a client does. 503: Postgres has not noticed yet that the killed process is gone.
        let mut again = status(&second.invoke(&request(&token), None));
        for _ in 0..5 {
            if again == 503 {
                again = status(&second.invoke(&request(&token), None));
            }
        }
        assert_eq!(again, 204, "{death:?}, then asked again");
        assert_eq!(state(&world, user), new, "{death:?}, then asked again");
        killed
    });
    assert!(olds > 0 && news > 0, "no state was met on both sides of the commit: {olds}, {news}");
}

#[test]
fn a_reset_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let request = |token: &str| {
        let body = json!({ "token": token, "password": "staple of another horse" });
        event("auth-password-reset").body(&body).to_string()
    };
    let state = |world: &World, user| {
        let query = "select concat_ws(' ', password_hashed is not null, epoch, email_verified_at is not null,
                       (select count(*) from auth_session where user_uuid = uuid and revoked_at is null),
                       (select count(*) from challenge where user_uuid = uuid and used_at is not null),
                       (select count(*) from task where args->>'user' = uuid::text),
                       (select count(*) from audit_log where subject = uuid and outcome = 'success'))
                     from users where uuid = $1";
        world.database.rows(query, &[&user])[0].get(0)
    };
    let states = ["f 0 f 1 0 0 0", "t 1 t 0 1 1 1"];
    killed_anywhere(&RESET, "auth-password-reset", Purpose::ResetPassword, request, state, states);
}

#[test]
fn a_verification_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let request = |token: &str| {
        let body = json!({ "token": token, "verifier": VERIFIER });
        event("auth-email-verify").body(&body).header("Authorization", None).to_string()
    };
    let state = |world: &World, user| {
        let query = "select concat_ws(' ', epoch, email_verified_at is not null,
                       (select count(*) from auth_session where user_uuid = uuid and revoked_at is null),
                       (select count(*) from challenge where user_uuid = uuid and used_at is not null),
                       (select count(*) from audit_log where subject = uuid and outcome = 'success'))
                     from users where uuid = $1";
        world.database.rows(query, &[&user])[0].get(0)
    };
    killed_anywhere(
        &VERIFY,
        "auth-email-verify",
        Purpose::VerifyEmail,
        request,
        state,
        ["0 f 1 0 0", "0 t 1 1 1"],
    );
}
