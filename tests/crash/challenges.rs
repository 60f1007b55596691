//! Links and codes that are sent back, by a client that gets no response and asks again.

use app_core::{
    domain::auth::challenge::{Challenge, Owner, Purpose},
    infrastructure::security::ChallengeKeys,
    testing::event,
};
use serde_json::json;
use test_support::{verifier::VERIFIER, wire::world::World};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    changes::{self, Change, SUCCESS},
    points::{CHANGE, RESET, SIGN_IN_CODE, Scene, UNDO, VERIFY},
};

const KEY: &str = "a key for tests, of 32 bytes or more";

/// The address of the user whose link is used, or another one; or a phone number.
fn subject_of(user: Uuid, purpose: Purpose) -> String {
    match purpose {
        Purpose::VerifyEmail
        | Purpose::ResetPassword
        | Purpose::SignIn
        | Purpose::StepUp
        | Purpose::Restore => {
            format!("{user}@example.com")
        }
        Purpose::ChangeEmail => format!("{user}@new.example"),
        Purpose::UndoEmail => format!("{user}@old.example"),
        Purpose::Phone => format!("+49{}", user.as_u128() % 10_000_000_000 + 10_000_000_000),
    }
}

/// A challenge of a user, and what the mail says.
pub(crate) struct Asked {
    pub(crate) user: Uuid,
    pub(crate) id: Uuid,
    pub(crate) token: String,
    pub(crate) code: String,
}

/// A user with a session and a challenge, as if the mail had been sent.
pub(crate) fn asked(world: &World, purpose: Purpose) -> Asked {
    let user = world.make_users(1)[0];
    let session = "insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
                   select $1::uuid::text, $1, 'a', 'k', now(), now(), now() + interval '1 day', now() + interval '1 day'
                   returning id";
    world.database.rows(session, &[&user]);
    let subject = subject_of(user, purpose);
    // What the two changes of address start from, and the proof of a number.
    match purpose {
        Purpose::VerifyEmail
        | Purpose::ResetPassword
        | Purpose::SignIn
        | Purpose::StepUp
        | Purpose::Restore => {}
        Purpose::ChangeEmail => {
            let confirm = "update users set email_verified_at = now() where uuid = $1 returning id";
            world.database.rows(confirm, &[&user]);
            // Somebody else signed up with it, and has not proved it.
            let squat = "insert into users (email, email_canonical) values ($1, $1) returning id";
            world.database.rows(squat, &[&subject]);
        }
        Purpose::UndoEmail => {
            let change = "update users set email_verified_at = now(), password_hashed = 'x' where uuid = $1 returning id";
            world.database.rows(change, &[&user]);
        }
        Purpose::Phone => {
            let squat = "insert into users (phone) values ($1) returning id";
            world.database.rows(squat, &[&subject]);
        }
    }
    let data = json!({ "email": subject, "replaced": format!("{user}@example.com") });
    let row = "insert into challenge (id, purpose, kid, user_uuid, epoch, subject, binding, data, created_at, expires_at)
               values ($1, $2, 'bare', $3, 0, $4, sha256($5::text::bytea), $6, now(), now() + interval '30 minutes')
               returning created_at, expires_at";
    let id = Uuid::now_v7();
    let rows = world.database.rows(row, &[&id, &purpose.as_str(), &user, &subject, &VERIFIER, &data]);
    let time = |column: &str| rows[0].get::<_, OffsetDateTime>(column);
    let challenge = Challenge {
        id,
        purpose,
        kid: Some("bare".into()),
        owner: Some(Owner { user, epoch: 0 }),
        subject: Some(subject),
        data,
        binding: None,
        created_at: time("created_at"),
        expires_at: time("expires_at"),
        used: false,
    };
    let keys = ChallengeKeys::new(KEY).expect("a key");
    let token = keys.link(&challenge).expect("a link").reveal().expose().clone();
    let code = keys.code(&challenge, challenge.code_kind()).expect("a code").expose().to_owned();
    Asked { user, id, token, code }
}

/// Kills the function at every point of the scene. The challenge is used, and the same request again succeeds.
fn killed_anywhere(
    scene: &Scene,
    function: &str,
    purpose: Purpose,
    request: impl Fn(&Asked) -> String,
    state: impl Fn(&World, Uuid) -> String,
    [old, new]: [&str; 2],
) {
    let prepare = |world: &World| {
        let asked = asked(world, purpose);
        (asked.user, request(&asked))
    };
    let (done, again) = (SUCCESS, SUCCESS);
    changes::killed_anywhere(&Change {
        scene,
        function,
        prepare: &prepare,
        state: &state,
        old,
        new,
        done,
        again,
    });
}

#[test]
fn a_reset_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let request = |asked: &Asked| {
        let body = json!({ "token": asked.token, "password": "staple of another horse" });
        event("auth-password-reset").body(&body).to_string()
    };
    let state = |world: &World, user| {
        let query = "select concat_ws(' ', password_hashed is not null, epoch, email_verified_at is not null,
                       (select count(*) from auth_session where user_uuid = uuid and revoked_at is null),
                       (select count(*) from challenge where user_uuid = uuid and used_at is not null),
                       (select count(*) from task where args->>'user' = uuid::text),
                       (select count(*) from audit_log where subject = uuid and outcome = 'success'
                          and not details ? 'repeated'))
                     from users where uuid = $1";
        world.database.rows(query, &[&user])[0].get(0)
    };
    let states = ["f 0 f 1 0 0 0", "t 1 t 0 1 1 1"];
    killed_anywhere(&RESET, "auth-password-reset", Purpose::ResetPassword, request, state, states);
}

#[test]
fn a_sign_in_by_code_that_is_killed_anywhere_opens_one_session() {
    let request = |asked: &Asked| {
        let body = json!({ "id": asked.id, "code": asked.code, "verifier": VERIFIER });
        event("auth-code-redeem").body(&body).to_string()
    };
    // The session from before has no proof of identity.
    let state = |world: &World, user| {
        let query = "select concat_ws(' ', epoch, email_verified_at is not null,
                       (select count(*) from auth_session where user_uuid = uuid and revoked_at is null and proved_at is null),
                       (select count(*) from auth_session where user_uuid = uuid and revoked_at is null and proved_at is not null),
                       (select count(*) from challenge where user_uuid = uuid and used_at is not null),
                       (select count(*) from audit_log where subject = uuid and outcome = 'success'))
                     from users where uuid = $1";
        world.database.rows(query, &[&user])[0].get(0)
    };
    let states = ["0 f 1 0 0 0", "1 t 0 1 1 1"];
    killed_anywhere(&SIGN_IN_CODE, "auth-code-redeem", Purpose::SignIn, request, state, states);
}

#[test]
fn a_verification_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let request = |asked: &Asked| {
        let body = json!({ "token": asked.token, "verifier": VERIFIER });
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

/// What a change of address leaves: the addresses of the two accounts, and what goes with them.
fn addresses(world: &World, user: Uuid) -> String {
    let query = "select concat_ws(' ', split_part(email, '@', 2), epoch, email_verified_at is not null,
                   password_hashed is not null,
                   (select count(*) from auth_session where user_uuid = uuid and revoked_at is null),
                   (select count(*) from challenge where user_uuid = uuid and used_at is not null),
                   (select count(*) from challenge where user_uuid = uuid),
                   (select count(*) from task t join challenge c on t.args->>'challenge' = c.id::text
                      where c.user_uuid = uuid),
                   (select count(*) from audit_log where actor = uuid and outcome = 'success'),
                   (select count(*) from users where split_part(email, '@', 1) = $1::uuid::text))
                 from users where uuid = $1";
    world.database.rows(query, &[&user])[0].get(0)
}

/// Sends the token of a link, as nobody who is signed in.
fn sent_to(function: &str) -> impl Fn(&Asked) -> String {
    move |asked: &Asked| {
        let body = json!({ "token": asked.token });
        event(function).body(&body).header("Authorization", None).to_string()
    }
}

#[test]
fn a_change_of_address_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let states = ["example.com 0 t f 1 0 1 0 0 2", "new.example 1 t f 1 1 2 1 2 1"];
    let function = "auth-email-confirm";
    killed_anywhere(&CHANGE, function, Purpose::ChangeEmail, sent_to(function), addresses, states);
}

#[test]
fn an_undone_change_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let states = ["example.com 0 t t 1 0 1 0 0 1", "old.example 1 t f 0 1 1 2 1 1"];
    let function = "auth-email-undo";
    killed_anywhere(&UNDO, function, Purpose::UndoEmail, sent_to(function), addresses, states);
}
