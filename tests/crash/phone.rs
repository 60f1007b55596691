//! A code from a text message that is sent back, by a client that gets no response and asks again.

use app_core::{domain::auth::challenge::Purpose, testing::event};
use serde_json::json;
use test_support::{verifier::VERIFIER, wire::world::World};
use uuid::Uuid;

use crate::{
    challenges::Asked,
    changes::{Change, SUCCESS, killed_anywhere},
    points::PHONE,
};

/// A user, somebody else who holds the number without a proof, and a challenge, as if the text message had been sent.
/// Returns the user and the request.
fn asked(world: &World) -> (Uuid, String) {
    let Asked { user, id, code, .. } = crate::challenges::asked(world, Purpose::Phone);
    let body = json!({ "id": id, "code": code, "verifier": VERIFIER });
    (user, event("auth-phone-confirm").body(&body).header("Authorization", None).to_string())
}

/// What the account has, whether the squatter has lost the number, and what was noted.
fn state(world: &World, user: Uuid) -> String {
    let query = "select concat_ws(' ', phone is not null, phone_verified_at is not null, epoch,
                   (select count(*) from users as other where other.phone =
                      (select subject from challenge where user_uuid = users.uuid) and other.uuid <> users.uuid),
                   (select count(*) from challenge where user_uuid = uuid and used_at is not null),
                   (select count(*) from task where args->>'user' = uuid::text),
                   (select count(*) from audit_log where actor = uuid and outcome = 'success'))
                 from users where uuid = $1";
    world.database.rows(query, &[&user])[0].get(0)
}

#[test]
fn a_confirmation_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    killed_anywhere(&Change {
        scene: &PHONE,
        function: "auth-phone-confirm",
        prepare: &asked,
        state: &state,
        old: "f f 0 1 0 0 0",
        new: "t t 1 0 1 1 2",
        done: SUCCESS,
        // A code is used once.
        again: 422..423,
    });
}
