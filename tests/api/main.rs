//! Endpoints, called as Lambda calls them: an event of `events/` in, the gateway's response out,
//! on a real Postgres.

mod administration;
mod allocations;
mod api_keys;
mod asks_in_flight;
mod at_once;
mod audit;
mod bodies;
mod canaries;
mod challenge_rotation;
mod challenge_secrets;
mod debug_send_message;
mod deletion;
mod deletion_races;
mod docs_pages;
mod edge;
mod email_change;
mod email_races;
mod email_undo;
mod email_verify;
mod emails;
mod epoch;
mod example;
mod export;
mod forged_addresses;
mod forgery;
mod hashes;
mod health;
mod idempotency;
mod idempotent_routes;
mod known_places;
mod limits;
mod lists;
mod lockout;
mod log_lines;
mod lost_pairs;
mod mailbox;
mod mass_assignment;
mod matrix;
mod metrics;
mod networks;
mod new_places;
mod origins;
mod oversize;
mod password_reset;
mod password_reset_limits;
mod passwords;
mod permissions;
mod pgbouncer;
mod phone;
mod phone_accounts;
mod phone_only;
mod phone_removal;
mod phone_thief;
mod private_numbers;
mod private_sign_up;
mod proved_places;
mod reauthenticate;
mod refresh;
mod refused_sign_ins;
mod rotation;
mod round_trips;
mod rpc;
mod session_limit;
mod sessions;
mod sign_in;
mod sign_in_code;
mod sign_up;
mod sign_ups_at_once;
mod spans;
mod step_up_code;
mod tasks_get;
mod text_messages;
mod traces;
mod unused_accounts;
mod users_me;
mod users_me_update;
mod warm_connections;
mod wire;

use test_support::endpoints as support;

/// The tests of single functions, `functions/NAME/tests.rs`; build.rs lists them.
mod functions {
    include!(concat!(env!("OUT_DIR"), "/function_tests.rs"));
}
