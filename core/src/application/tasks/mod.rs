//! Background tasks: a struct whose fields are the arguments, and `run`. Each task has a row that
//! says what became of it.
//!
//! A new task is a file here and a line in `handlers::table`.

pub mod say_meow;
mod worker;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

pub use worker::run_message;

use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::Tx,
        messaging::{Queue, envelope::TaskMessage},
        repository,
    },
};

pub trait Task: Serialize + DeserializeOwned + Send + Sync {
    /// The name on the wire, in snake case.
    const NAME: &'static str;
    const QUEUE: Queue = Queue::Tasks;
    /// After this many failures it has failed for good.
    const MAX_ATTEMPTS: i32 = 5;

    /// Does the work. What it writes through `tx` is committed together with the success; the
    /// returned value is kept as the task's result.
    ///
    /// The transaction is open all the while: a task that waits for something else than Postgres
    /// for longer than `idle_in_transaction_session_timeout` (`migrations/roles.sql`) loses it.
    fn run(self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Value>> + Send;
}

/// Writes the task's row and its message in the caller's transaction. A second call with the same
/// id does nothing.
pub async fn enqueue<T: Task>(tx: &mut Tx<'_>, task: &T, id: Uuid) -> Result<()> {
    let args = serde_json::to_value(task).map_err(Error::internal)?;
    if repository::tasks::create(&*tx, id, T::NAME, T::QUEUE, &args).await? {
        tx.enqueue(&TaskMessage::new(T::NAME, args, id))?;
    }
    Ok(())
}
