//! Users who delete their accounts and take that back, through functions that die anywhere.

use app_core::{domain::auth::challenge::Purpose, testing::event};
use serde_json::json;
use test_support::wire::world::World;

use crate::{
    challenges::{Asked, asked},
    changes::{Change, SUCCESS, killed_anywhere},
    points::{DELETE_ME, RESTORE_ME},
    reauthenticate::signed_in,
};

#[test]
fn a_deletion_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let prepare = |world: &World| {
        let (user, pair) = signed_in(world);
        let key =
            "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
                   values ($1::uuid::text, $1, 'k', sha256('k'), '{}', now(), now() + interval '1 day')
                   returning id";
        world.database.rows(key, &[&user]);
        (user, event("users-me-delete").bearer(pair.access.expose()).to_string())
    };
    killed_anywhere(&Change {
        scene: &DELETE_ME,
        function: "users-me-delete",
        prepare: &prepare,
        // The challenge restores the deletion that has the same time.
        state: &|world, user| {
            let query = "select concat_ws(' ', deleted_at is not null, epoch,
                  (select count(*) from auth_session where user_uuid = uuid and revoked_at is null),
                  (select count(*) from api_key where user_uuid = uuid and revoked_at is null),
                  (select count(*) from challenge
                   where user_uuid = uuid and purpose = 'restore' and challenge.created_at = deleted_at),
                  (select count(*) from task join challenge on args->>'challenge' = challenge.id::text
                   where user_uuid = uuid),
                  (select count(*) from audit_log where subject = uuid))
                from users where uuid = $1";
            world.database.rows(query, &[&user])[0].get(0)
        },
        old: "f 0 1 1 0 0 0",
        new: "t 1 0 0 1 1 1",
        done: SUCCESS,
        // The session has ended.
        again: 401..402,
    });
}

#[test]
fn a_restore_that_is_killed_anywhere_has_happened_once_or_not_at_all() {
    let prepare = |world: &World| {
        let Asked { user, token, .. } = asked(world, Purpose::Restore);
        let deleted = "update users set deleted_at = challenge.created_at, epoch = 1 from challenge
                       where user_uuid = uuid and uuid = $1 returning uuid";
        world.database.rows(deleted, &[&user]);
        (user, event("users-me-restore").body(&json!({ "token": token })).to_string())
    };
    killed_anywhere(&Change {
        scene: &RESTORE_ME,
        function: "users-me-restore",
        prepare: &prepare,
        state: &|world, user| {
            let query = "select concat_ws(' ', deleted_at is not null, epoch,
                  (select count(*) from challenge where user_uuid = uuid and used_at is not null),
                  (select count(*) from audit_log where subject = uuid and outcome = 'success'))
                from users where uuid = $1";
            world.database.rows(query, &[&user])[0].get(0)
        },
        old: "t 1 0 0",
        new: "f 1 1 1",
        done: SUCCESS,
        // The link is used up.
        again: 422..423,
    });
}
