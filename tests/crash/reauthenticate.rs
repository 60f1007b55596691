//! A user who proves their identity again, through a function that dies anywhere. The user has a pair that works at
//! every moment: the old one or the new one.

use app_core::{
    config::{LaunchMode, SecretSource, TokensConfig},
    domain::{
        auth::{RandomId, TokenPair},
        mask::Secret,
    },
    infrastructure::security::jwt::Tokens,
    testing::event,
};
use serde_json::{Value, json};
use test_support::wire::{
    sandbox::{Invoked, Sandbox},
    world::World,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    changes::{ask_again, status},
    points::REAUTHENTICATE,
    sweep::{Death, sweep},
    volume::Volume,
};

const KEY: &str = "a key for tests, of 32 bytes or more";
const PASSWORD: &str = "correct horse battery";

/// A user with a session that has just begun, and its first pair.
pub(crate) fn signed_in(world: &World) -> (Uuid, TokenPair) {
    let user = world.make_users(1)[0];
    let id = RandomId::from_bits(user.as_u128());
    let session =
        "insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, proved_at,
                                             idle_until, expires_at)
                   select $2, $1, $2, 'bare', now, now, now, now + interval '1 day', now + interval '1 day'
                   from date_trunc('second', now()) as now
                   returning created_at";
    let now: OffsetDateTime = world.database.rows(session, &[&user, &id.as_str()])[0].get(0);
    let config = TokensConfig {
        key: SecretSource::Inline(Secret::new(KEY.into())),
        access_lifetime: Duration::minutes(5),
        refresh_lifetime: Duration::days(5),
        max_sessions: 100,
        deny_unverified: false,
    };
    let tokens = Tokens::new("APP", LaunchMode::Test, &config, KEY).expect("keys");
    (user, tokens.pair(user, &id, &id, now, "bare").expect("a pair"))
}

/// The tokens of a response.
fn pair(response: &Invoked) -> (String, String) {
    let Invoked::Response(response) = response else { panic!("no response: {response:?}") };
    assert_eq!(response["statusCode"], 200, "{response}");
    let body: Value = serde_json::from_str(response["body"].as_str().expect("a body")).expect("JSON");
    let token = |name: &str| body[name].as_str().expect("a token").to_owned();
    (token("access"), token("refresh"))
}

#[test]
fn whoever_proves_their_identity_to_a_function_that_dies_has_a_pair_that_works() {
    let volume = Volume::chosen();
    let world = World::new();
    // A hash as a sign-up makes it. All users of this test have the same.
    let body = json!({ "email": "hash@example.com", "password": PASSWORD });
    let made =
        Sandbox::new(&world, "auth-sign-up").invoke(&event("auth-sign-up").body(&body).to_string(), None);
    assert_eq!(status(&made), 200);
    let [mut first, mut second] = [(); 2].map(|()| Sandbox::new(&world, "auth-reauthenticate"));
    let (mut refreshing, mut me) =
        (Sandbox::new(&world, "auth-tokens-refresh"), Sandbox::new(&world, "users-me"));
    let mut works =
        |access: &str| status(&ask_again(&mut me, &event("users-me").bearer(access).to_string())) == 200;
    let prepare = || {
        let (user, old) = signed_in(&world);
        let hash = "update users set password_hashed = (select password_hashed from users where email = 'hash@example.com')
                    where uuid = $1 returning uuid";
        world.database.rows(hash, &[&user]);
        let request = event("auth-reauthenticate").bearer(old.access.expose());
        (user, old, request.body(&json!({ "password": PASSWORD })).to_string())
    };
    let generation = |user: Uuid| -> i32 {
        world.database.rows("select generation from auth_session where user_uuid = $1", &[&user])[0].get(0)
    };

    let (user, _, request) = prepare();
    assert!(works(&pair(&first.invoke(&request, None)).0));
    assert_eq!(generation(user), 1);
    let taken = first.steps();
    let (mut olds, mut news, mut number) = (0, 0, 0);
    sweep(&REAUTHENTICATE, &taken, volume.events, volume, |death| {
        let (user, old, request) = prepare();
        let response = first.invoke(&request, death.trap());
        let killed = match (&response, death) {
            (Invoked::Killed, _) => true,
            (response, Death::BeforeTheResponseArrives) => {
                pair(response);
                first.kill();
                true
            }
            (response, Death::OnTheWire(_)) => panic!("not killed: {response:?}"),
        };
        let has_old = generation(user) == 0;
        olds += usize::from(has_old);
        news += usize::from(!has_old);
        assert!(works(old.access.expose()), "{death:?}: the old access token");
        // A client repeats the request, or refreshes with the token that it has.
        number += 1;
        let response = if number % 2 == 0 {
            ask_again(&mut second, &request)
        } else {
            let refresh = event("auth-tokens-refresh").bearer(old.refresh.expose()).to_string();
            ask_again(&mut refreshing, &refresh)
        };
        let (access, refresh) = pair(&response);
        assert!(works(&access), "{death:?}: the new access token");
        assert_eq!(generation(user), 1, "{death:?}: one proof, one step");
        let next = event("auth-tokens-refresh").bearer(&refresh).to_string();
        pair(&ask_again(&mut refreshing, &next));
        killed
    });
    assert!(olds > 0 && news > 0, "no state was met on both sides of the commit: {olds}, {news}");
    let ended = world.database.count("select count(*) from auth_session where revoked_at is not null", &[]);
    assert_eq!(ended, 0, "a lost response is no theft");
}
