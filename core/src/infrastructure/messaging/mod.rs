//! Messages on their way out: what they look like, the outbox they wait in, the bus they take.

mod bus;
pub mod envelope;
#[cfg(feature = "testing")]
mod memory;
pub mod outbox;
mod sqs;

pub use bus::{Bus, Outgoing, Queue};
#[cfg(feature = "testing")]
pub use memory::MemoryBus;
pub use sqs::SqsBus;
