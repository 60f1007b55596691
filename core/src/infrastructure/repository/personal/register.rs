//! THE TABLE of personal data.

use super::{
    Erase,
    Exported::{self, Column, Derived, Time},
    Key,
    Kind::{Credential, Data, Log},
    Linked, Part,
    Rows::{Linked as Of, Unlinked},
};
use crate::{domain::users::PROFILE_COLUMNS, infrastructure::repository::clean_up::Expired};

/// The columns of `users` next to the profile.
const OWN: [Exported; 12] = [
    Column("uuid"),
    Column("email"),
    Column("email_canonical"),
    Column("phone"),
    Column("is_active"),
    Column("is_guest"),
    Time("created_at"),
    Time("updated_at"),
    Time("email_verified_at"),
    Time("phone_verified_at"),
    Time("email_added_at"),
    Time("deleted_at"),
];

const USERS: [Exported; OWN.len() + PROFILE_COLUMNS.len()] = {
    let mut all = [OWN[0]; OWN.len() + PROFILE_COLUMNS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < OWN.len() { OWN[at] } else { Column(PROFILE_COLUMNS[at - OWN.len()]) };
        at += 1;
    }
    all
};

/// All tables with personal data, in the order of an export. A table with other data is named in
/// `tests/repository/personal.rs`.
pub const REGISTER: &[Part] = &[
    Part {
        table: "users",
        kind: Data,
        rows: Of(Linked {
            whose: "uuid = $1",
            note: "the profile",
            exported: &USERS,
            withheld: &["id", "password_hashed", "epoch"],
            key: Key::Text("uuid::text"),
            erase: Erase::Account,
        }),
    },
    Part {
        table: "user_role",
        kind: Data,
        rows: Of(Linked {
            whose: "user_uuid = $1",
            note: "roles",
            exported: &[Column("role"), Time("granted_at")],
            withheld: &["user_uuid"],
            key: Key::Text("role"),
            erase: Erase::Cascade,
        }),
    },
    Part {
        table: "auth_session",
        kind: Credential,
        rows: Of(Linked {
            whose: "user_uuid = $1",
            note: "sessions",
            exported: &[
                Column("id"),
                Time("created_at"),
                Time("rotated_at"),
                Time("seen_at"),
                Time("proved_at"),
                Time("idle_until"),
                Time("expires_at"),
                Time("revoked_at"),
                Column("revoke_reason"),
                Derived("ip", "host(ip)"),
                Column("user_agent"),
            ],
            withheld: &["user_uuid", "access_sid", "parent_sid", "kid", "generation", "replacements"],
            key: Key::Text("id"),
            erase: Erase::Delete,
        }),
    },
    Part {
        table: "api_key",
        kind: Credential,
        rows: Of(Linked {
            whose: "user_uuid = $1",
            note: "API keys",
            exported: &[
                Column("id"),
                Column("name"),
                Column("permissions"),
                Time("created_at"),
                Time("expires_at"),
                Time("last_used_at"),
                Time("revoked_at"),
            ],
            withheld: &["user_uuid", "secret_hash"],
            key: Key::Text("id"),
            erase: Erase::Cascade,
        }),
    },
    Part {
        table: "challenge",
        kind: Credential,
        rows: Of(Linked {
            whose: "user_uuid = $1",
            note: "one-time links and codes",
            exported: &[
                Column("id"),
                Column("purpose"),
                Column("subject"),
                Column("attempts"),
                Time("created_at"),
                Time("expires_at"),
                Time("used_at"),
            ],
            withheld: &["kid", "user_uuid", "epoch", "data", "binding"],
            key: Key::Text("id::text"),
            erase: Erase::Delete,
        }),
    },
    Part {
        table: "sign_in_place",
        kind: Log,
        rows: Of(Linked {
            whose: "user_uuid = $1",
            note: "known places",
            exported: &[Time("until")],
            withheld: &["user_uuid", "key"],
            key: Key::Text("until::text || ctid::text"),
            erase: Erase::Cascade,
        }),
    },
    Part {
        table: "idempotency_key",
        kind: Log,
        rows: Of(Linked {
            whose: "user_uuid = $1",
            note: "the user's own requests",
            exported: &[Column("route"), Column("key"), Column("status"), Time("created_at")],
            withheld: &["user_uuid", "subject_uuid", "fingerprint", "body"],
            key: Key::Text("created_at::text || ctid::text"),
            erase: Erase::DeleteUnlocked,
        }),
    },
    Part {
        table: "idempotency_key",
        kind: Log,
        rows: Of(Linked {
            whose: "subject_uuid = $1 and user_uuid <> $1",
            note: "other people's requests about the user",
            exported: &[Column("route"), Column("status"), Time("created_at")],
            withheld: &["user_uuid", "subject_uuid", "key", "fingerprint", "body"],
            key: Key::Text("created_at::text || ctid::text"),
            erase: Erase::DeleteUnlocked,
        }),
    },
    Part {
        table: "task",
        kind: Data,
        rows: Of(Linked {
            whose: "owner = $1",
            note: "background work for the user",
            exported: &[
                Column("id"),
                Column("name"),
                Column("state"),
                Column("args"),
                Column("result"),
                Column("error"),
                Time("created_at"),
                Time("started_at"),
                Time("finished_at"),
            ],
            withheld: &[
                "queue",
                "attempt",
                "running_until",
                "unique_key",
                "owner",
                "since",
                "set_aside_at",
                "earlier_attempts",
                "never_begun",
                "traceparent",
            ],
            key: Key::Text("id::text"),
            // The row stays: without it a copy of its message would run the task again.
            erase: Erase::Empty {
                set: "owner = null, args = '{}', result = null, unique_key = null, traceparent = null",
                only: "finished_at is not null",
                then: Expired::FinishedTasks,
            },
        }),
    },
    Part {
        table: "audit_log",
        kind: Log,
        rows: Of(Linked {
            whose: "subject = $1",
            note: "what happened to the account",
            // Of somebody else who did it: neither who, nor from where.
            exported: &[
                Time("at"),
                Column("action"),
                Column("outcome"),
                Derived("actor", "case when actor = $1 then actor end"),
                Derived("ip", "case when actor = $1 then host(ip) end"),
                Derived("request_id", "case when actor = $1 then request_id end"),
                // `account` is the pseudonym of an address.
                Derived("details", "details - 'account'"),
            ],
            withheld: &["id", "subject"],
            key: Key::Number("id"),
            erase: Erase::Keep(Expired::AuditLog),
        }),
    },
    Part {
        table: "audit_log",
        kind: Log,
        rows: Of(Linked {
            whose: "actor = $1 and subject is distinct from $1",
            note: "what the user did to others",
            exported: &[
                Time("at"),
                Column("action"),
                Column("outcome"),
                Derived("ip", "host(ip)"),
                Column("request_id"),
            ],
            withheld: &["id", "actor", "subject", "details"],
            key: Key::Number("id"),
            erase: Erase::Keep(Expired::AuditLog),
        }),
    },
    Part {
        table: "outbox",
        kind: Log,
        rows: Unlinked {
            holds: "messages, with uuids and words of what has happened",
            kept: Expired::PublishedMessages,
        },
    },
    Part {
        table: "rate_limit",
        kind: Log,
        rows: Unlinked { holds: "HMACs of network addresses and accounts", kept: Expired::Limits },
    },
    Part {
        table: "text_message",
        kind: Log,
        rows: Unlinked {
            holds: "that a text message was sent, with all but the last four digits of the number",
            kept: Expired::TextMessages,
        },
    },
];
