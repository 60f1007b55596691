//! Messages: what they look like, the outbox they wait in, the bus they take, and what a reader
//! remembers of them (inbox, strikes, dead letters).

mod bus;
pub mod dead_letters;
pub mod envelope;
pub mod inbox;
mod kafka;
#[cfg(feature = "testing")]
mod memory;
pub mod outbox;
pub mod sent_events;
mod sqs;
pub mod strikes;
mod trace;

pub use bus::{Bus, Outgoing, Queue, Sent};
pub use kafka::KafkaBus;
#[cfg(feature = "testing")]
pub use memory::MemoryBus;
pub use sqs::SqsBus;
