//! The one rule of all one-time secrets, on a real Postgres: who may use one, how often, and until when. The names
//! say which hole of the first draft each test guards (H…).

mod world;

use app_core::{
    Error,
    application::challenges::{Presented, Redeemed},
    domain::auth::{
        Client,
        challenge::{Code, Kind, LinkToken, Purpose},
    },
    infrastructure::{
        repository::challenges::{self, Asker},
        security::{ChallengeKeys, sha256},
        tx::Tx,
    },
};
use futures_util::future::{join, join_all};
use test_support::{
    endpoints::{OWNER, until_waiting},
    verifier::VERIFIER,
};
use time::Duration;
use uuid::Uuid;

use world::World;

use crate::support::told;

const NO_LINK: &str = "validation token wrong";
const NO_CODE: &str = "validation code wrong";

fn owner_of_verifier() -> Asker {
    Asker::Client(sha256(VERIFIER))
}

#[tokio::test]
async fn a_link_works_once_and_a_wrong_expired_or_foreign_one_never() {
    let world = World::new().await;
    let challenge = world.asked(Some(world.user)).await;
    let token = world.link(&challenge);
    let other = world.asked(Some(world.user)).await;
    // The id of one with the secret of another.
    let mixed = LinkToken { id: other.id, secret: token.secret.clone() };
    assert_eq!(world.by_link(&mixed).await, NO_LINK);
    let unknown = LinkToken { id: Uuid::now_v7(), secret: token.secret.clone() };
    assert_eq!(world.by_link(&unknown).await, NO_LINK);
    assert_eq!(world.by_link(&token).await, "used");
    assert_eq!(world.by_link(&token).await, NO_LINK);
    world.app.clock.advance(Duration::hours(24));
    assert_eq!(world.by_link(&world.link(&other)).await, NO_LINK);
}

#[tokio::test]
async fn a_challenge_for_an_address_that_nobody_has_is_worth_nothing() {
    let world = World::new().await;
    let challenge = world.asked(None).await;
    assert_eq!(challenge.owner, None);
    assert_eq!(world.by_link(&world.link(&challenge)).await, NO_LINK);
    assert_eq!(world.by_code(&challenge, &world.code(&challenge), owner_of_verifier()).await, NO_CODE);
    // Somebody who takes the address later does not get it either.
    world.run("update challenge set user_uuid = null").await;
    assert_eq!(world.by_link(&world.link(&challenge)).await, NO_LINK);
}

#[tokio::test]
async fn h7_a_code_is_worth_nothing_without_the_client_or_the_session_that_asked() {
    let world = World::new().await;
    let challenge = world.asked(Some(world.user)).await;
    let code = world.code(&challenge);
    for stranger in [Asker::Client(sha256("another verifier")), Asker::Session(Uuid::now_v7())] {
        for _ in 0..6 {
            assert_eq!(world.by_code(&challenge, &code, stranger).await, NO_CODE);
        }
    }
    // A stranger used up nothing.
    assert_eq!(world.by_code(&challenge, &code, owner_of_verifier()).await, "used");
    let by_session = world.asked(Some(world.user)).await;
    let code = world.code(&by_session);
    assert_eq!(world.by_code(&by_session, &code, Asker::Session(world.user)).await, "used");
    // Of both, one is enough, and two wrong ones are not.
    let (right, wrong) = ((sha256(VERIFIER), world.user), (sha256("another verifier"), Uuid::now_v7()));
    for (client, session, expected) in
        [(right.0, wrong.1, "used"), (wrong.0, right.1, "used"), (wrong.0, wrong.1, NO_CODE)]
    {
        let challenge = world.asked(Some(world.user)).await;
        let (code, asker) = (world.code(&challenge), Asker::Either { client, session });
        assert_eq!(world.by_code(&challenge, &code, asker).await, expected);
    }
}

#[tokio::test]
async fn the_sixth_attempt_finds_nothing_and_the_link_still_works() {
    let world = World::new().await;
    let challenge = world.asked(Some(world.user)).await;
    let right = world.code(&challenge);
    let wrong = Code::from_bits(Kind::Letters, 7);
    for _ in 0..5 {
        assert_eq!(world.by_code(&challenge, &wrong, owner_of_verifier()).await, NO_CODE);
    }
    assert_eq!(world.by_code(&challenge, &right, owner_of_verifier()).await, NO_CODE);
    assert_eq!(world.by_link(&world.link(&challenge)).await, "used");
    // Another challenge has its own attempts, and the last of them counts.
    let again = world.asked(Some(world.user)).await;
    for _ in 0..4 {
        assert_eq!(world.by_code(&again, &wrong, owner_of_verifier()).await, NO_CODE);
    }
    // A wrong link uses up none, even by somebody who knows its id.
    let mixed = LinkToken { id: again.id, secret: world.link(&challenge).secret };
    assert_eq!(world.by_link(&mixed).await, NO_LINK);
    assert_eq!(world.by_code(&again, &world.code(&again), owner_of_verifier()).await, "used");
}

#[tokio::test]
async fn a_code_lives_shorter_than_its_link() {
    let world = World::new().await;
    let challenge = world.asked(Some(world.user)).await;
    world.app.clock.advance(Duration::minutes(60));
    assert_eq!(world.by_code(&challenge, &world.code(&challenge), owner_of_verifier()).await, NO_CODE);
    assert_eq!(world.by_link(&world.link(&challenge)).await, "used");
}

#[tokio::test]
async fn h3_a_change_of_what_proves_identity_ends_every_challenge_before_it() {
    for change in [
        "update users set epoch = epoch + 1",
        "update users set is_active = false",
        "update users set deleted_at = now()",
        "update users set email = 'eve@example.com', email_canonical = 'eve@example.com'",
        "update users set email = null, email_canonical = null",
        "delete from users",
    ] {
        let world = World::new().await;
        let challenge = world.asked(Some(world.user)).await;
        world.run(change).await;
        assert_eq!(world.by_link(&world.link(&challenge)).await, NO_LINK, "{change}");
        let used = "select count(*) from challenge where used_at is not null";
        let used: i64 = world.app.database.client().await.query_one(used, &[]).await.expect("a count").get(0);
        assert_eq!(used, 0, "{change}");
    }
    // A row from before there were canonical forms holds the same address.
    let world = World::new().await;
    world.run("update users set email_canonical = null").await;
    let challenge = world.asked(Some(world.user)).await;
    assert_eq!(world.by_link(&world.link(&challenge)).await, "used");
}

#[tokio::test]
async fn of_fifty_parallel_redemptions_one_succeeds() {
    let world = World::with(50).await;
    let challenge = world.asked(Some(world.user)).await;
    let token = world.link(&challenge);
    let client = world.app.database.client().await;
    // All wait here, and then go at once.
    client.batch_execute("begin; select from users for update").await.expect("a lock");
    let unlock = async {
        until_waiting(&world.app, OWNER, 50).await;
        client.batch_execute("commit").await.expect("unlocked");
    };
    let (told, ()) = join(join_all((0..50).map(|_| world.by_link(&token))), unlock).await;
    assert_eq!(told.iter().filter(|told| *told == "used").count(), 1, "{told:?}");
    assert!(told.iter().all(|told| ["used", NO_LINK].contains(&told.as_str())), "{told:?}");
}

#[tokio::test]
async fn a_refused_effect_does_not_use_the_link_up() {
    let world = World::new().await;
    let challenge = world.asked(Some(world.user)).await;
    let token = world.link(&challenge);
    let challenges = world.app.app.challenges().expect("a database");
    let client = Client::default();
    let judged = challenges
        .judge(&world.keys, Purpose::VerifyEmail, &Presented::Link(&token), client)
        .await
        .expect("right");
    let fails =
        async |_: &mut Tx<'_>, _: &Redeemed<'_>| Err::<(), _>(Error::invalid("password", "too_common"));
    let refused = challenges.redeem(&judged, client, fails).await;
    assert_eq!(
        refused.map(|_| ()).map_err(|error| told(&error)),
        Err("validation password too_common".into())
    );
    assert_eq!(world.by_link(&token).await, "used");
}

#[tokio::test]
async fn each_refusal_of_a_known_secret_is_in_the_audit_log_with_its_reason() {
    let world = World::new().await;
    let challenge = world.asked(Some(world.user)).await;
    let token = world.link(&challenge);
    world.by_link(&LinkToken { id: Uuid::nil(), secret: token.secret.clone() }).await;
    world.by_code(&challenge, &Code::from_bits(Kind::Letters, 7), owner_of_verifier()).await;
    world.by_link(&token).await;
    world.by_link(&token).await;
    let other = world.asked(Some(world.user)).await;
    world.run("update users set epoch = 7").await;
    world.by_link(&world.link(&other)).await;
    let query = "select action, outcome, details->>'reason', subject from audit_log order by id";
    let rows = world.app.database.client().await.query(query, &[]).await.expect("rows");
    let rows: Vec<(String, String, String, Option<Uuid>)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    let refused = |reason: &str, subject| ("email_verified".into(), "failure".into(), reason.into(), subject);
    let user = Some(world.user);
    // The link without a challenge left none.
    assert_eq!(rows, [refused("wrong", user), refused("used", user), refused("outdated", user)]);
}

#[tokio::test]
async fn h11_a_rotation_changes_no_secret_that_was_computed_before() {
    let world = World::new().await;
    let challenge = world.asked(Some(world.user)).await;
    let both = r#"{"signing":"new","keys":{"bare":"YSBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcyBvciBtb3Jl","new":"YW5vdGhlciBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcw=="}}"#;
    let rotated = ChallengeKeys::new(both).expect("two keys");
    let conn = world.app.app.db().expect("a database").conn().await.expect("a connection");
    let again = challenges::find_with_key(&conn, challenge.id, rotated.kid()).await.expect("asked");
    let again = again.expect("a row");
    assert_eq!(rotated.link(&again).expect("a link"), world.link(&challenge));
    assert_eq!(rotated.code(&again, Kind::Letters).expect("a code"), world.code(&challenge));
}
