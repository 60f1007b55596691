//! What the requests of users do on the wire.

use super::Scene;

pub(crate) const SIGN_UP: Scene = Scene {
    name: "sign-up",
    steps: &[
        // Before the transaction, because a request that fails counts, too.
        "insert into rate_limit",
        "begin",
        "insert into users",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A link that is sent back with a new password, of a user whose address was not proved before.
pub(crate) const RESET: Scene = Scene {
    name: "reset",
    steps: &[
        "insert into rate_limit",
        "select from challenge",
        // What the new password must not consist of; and again, locked, in the transaction.
        "select from users",
        "begin",
        "update challenge set used_at",
        "update users set email_verified_at",
        "update users set password_hashed",
        "update auth_session set revoked_at",
        "update api_key set revoked_at",
        "delete from sign_in_place",
        "update users set phone",
        "delete from rate_limit",
        "insert into task",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A code that signs in, of a user whose address was not proved before.
pub(crate) const SIGN_IN_CODE: Scene = Scene {
    name: "sign-in by code",
    steps: &[
        "insert into rate_limit",
        // The attempt, which counts even if the request fails.
        "update challenge set attempts",
        "begin",
        "select from users",
        "update challenge set used_at",
        "update users set email_verified_at",
        "update users set password_hashed",
        "update auth_session set revoked_at",
        "update api_key set revoked_at",
        "delete from sign_in_place",
        // One statement: the failures that are forgotten, the place and the session.
        "delete from rate_limit",
        // A mail tells of the new place. The relay starts it.
        "insert into task",
        "insert into audit_log",
        "insert into outbox",
        "commit",
    ],
};

/// A link that proves an address.
pub(crate) const VERIFY: Scene = Scene {
    name: "verification",
    steps: &[
        "insert into rate_limit",
        "select from challenge",
        "begin",
        "select from users",
        "update challenge set used_at",
        "update users set email_verified_at",
        "insert into audit_log",
        "commit",
    ],
};

/// A link that gives an account another address, which somebody had signed up with.
pub(crate) const CHANGE: Scene = Scene {
    name: "change of address",
    steps: &[
        "insert into rate_limit",
        "select from challenge",
        "begin",
        // Everybody whom the address may leave or reach; then the user's epoch, who holds it, and the old address.
        "select from users",
        "update challenge set used_at",
        // Leaves the other account without it.
        "update users set email",
        "update auth_session set revoked_at",
        "update api_key set revoked_at",
        "delete from sign_in_place",
        // The link that undoes it.
        "insert into challenge",
        "insert into task",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A link that gives an account its old address back.
pub(crate) const UNDO: Scene = Scene {
    name: "undone change of address",
    steps: &[
        "insert into rate_limit",
        "select from challenge",
        "begin",
        "select from users",
        "update challenge set used_at",
        "update users set email",
        "delete from sign_in_place",
        "update users set phone",
        "update users set password_hashed",
        "update auth_session set revoked_at",
        "update api_key set revoked_at",
        "insert into task",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A code that proves a phone number, which somebody else has typed before.
pub(crate) const PHONE: Scene = Scene {
    name: "phone number",
    steps: &[
        "insert into rate_limit",
        "update challenge set attempts",
        "begin",
        // The user and the other one, locked in one order; then the user alone.
        "select from users",
        "update challenge set used_at",
        "update users set phone",
        "update auth_session set revoked_at",
        "update api_key set revoked_at",
        "delete from sign_in_place",
        "update text_message set redeemed_at",
        "insert into task",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// A user proves their identity again, and gets the next pair.
pub(crate) const REAUTHENTICATE: Scene = Scene {
    name: "reauthentication",
    steps: &[
        // Who asks.
        "update auth_session set seen_at",
        "insert into rate_limit",
        // The password; and again, locked, in the transaction.
        "select from users",
        "begin",
        "select from auth_session",
        "update auth_session set parent_sid",
        "insert into audit_log",
        "commit",
    ],
};

/// Users delete their own accounts.
pub(crate) const DELETE_ME: Scene = Scene {
    name: "deletion",
    steps: &[
        // Who asks.
        "update auth_session set seen_at",
        "begin",
        "select from users",
        "select from auth_session",
        "insert into challenge",
        "insert into task",
        "update users set deleted_at",
        "update auth_session set revoked_at",
        "update api_key set revoked_at",
        "delete from sign_in_place",
        "insert into audit_log",
        "insert into outbox",
        "commit",
        "SendMessageBatch",
        "update outbox set published_at",
    ],
};

/// The link that takes a deletion back.
pub(crate) const RESTORE_ME: Scene = Scene {
    name: "restore",
    steps: &[
        "insert into rate_limit",
        "select from challenge",
        "begin",
        "select from users",
        "update challenge set used_at",
        "update users set deleted_at",
        "insert into audit_log",
        "commit",
    ],
};
