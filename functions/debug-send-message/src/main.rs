//! `POST /api/v1/debug/send-message/`: sends an event, to try out event handlers.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Pseudonyms, Need::Queues], debug_send_message::handler)
}
