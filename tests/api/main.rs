//! Endpoints, called as Lambda calls them: an event of `events/` in, the gateway's answer out,
//! on a real Postgres.

mod administration;
mod allocations;
mod api_keys;
mod audit;
mod bodies;
mod canaries;
mod challenge_secrets;
mod debug_send_message;
mod docs_pages;
mod edge;
mod email_verify;
mod emails;
mod epoch;
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
mod networks;
mod origins;
mod oversize;
mod password_reset;
mod passwords;
mod permissions;
mod pgbouncer;
mod reauthenticate;
mod refresh;
mod rotation;
mod round_trips;
mod rpc;
mod session_limit;
mod sessions;
mod sign_in;
mod sign_up;
mod tasks_get;
mod users_me;
mod users_me_update;
mod warm_connections;
mod wire;

use test_support::endpoints as support;

/// The tests of single functions, `functions/NAME/tests.rs`; build.rs lists them.
mod functions {
    include!(concat!(env!("OUT_DIR"), "/function_tests.rs"));
}
