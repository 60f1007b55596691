//! Endpoints, called as Lambda calls them: an event of `events/` in, the gateway's answer out,
//! on a real Postgres.

mod administration;
mod allocations;
mod api_keys;
mod audit;
mod canaries;
mod debug_send_message;
mod docs_pages;
mod edge;
mod forged_addresses;
mod forgery;
mod hashes;
mod health;
mod idempotency;
mod idempotent_routes;
mod limits;
mod lists;
mod mass_assignment;
mod matrix;
mod origins;
mod oversize;
mod passwords;
mod permissions;
mod process;
mod refresh;
mod rotation;
mod round_trips;
mod rpc;
mod sessions;
mod sign_in;
mod sign_up;
mod support;
mod tasks_get;
mod users_me;
mod users_me_update;
mod wire;
