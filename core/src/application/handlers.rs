//! THE TABLE: which event starts what, and which tasks there are.
//!
//! A new event handler or task is one line in `table`.

use std::collections::HashMap;

use futures_util::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::tasks::{self, Task, say_meow::SayMeow};
use crate::{
    domain::{Error, Result, event::Event, users::events::UserCreated},
    infrastructure::db::Tx,
};

pub fn table() -> Handlers {
    Handlers::new().starts::<UserCreated, _>(|event| SayMeow { to: Some(event.uuid) }).task::<SayMeow>()
}

type OnEvent = Box<dyn for<'a> Fn(&'a mut Tx<'_>, Uuid, Value) -> BoxFuture<'a, Result<()>> + Send + Sync>;
type RunTask = Box<dyn for<'a> Fn(&'a mut Tx<'_>, Value) -> BoxFuture<'a, Result<Value>> + Send + Sync>;

#[derive(Default)]
pub struct Handlers {
    events: HashMap<&'static str, Vec<OnEvent>>,
    tasks: HashMap<&'static str, TaskEntry>,
}

pub(crate) struct TaskEntry {
    pub(crate) max_attempts: i32,
    pub(crate) queue: crate::infrastructure::messaging::Queue,
    pub(crate) run: RunTask,
}

impl Handlers {
    pub fn new() -> Self {
        Self::default()
    }

    /// This event starts that task, once however often the event is delivered: the task's id
    /// follows from the event's.
    #[must_use]
    pub fn starts<E: Event + 'static, T: Task + 'static>(
        mut self,
        task: impl Fn(E) -> T + Send + Sync + Copy + 'static,
    ) -> Self {
        let handler: OnEvent = Box::new(move |tx, event_id, data| {
            async move {
                let id = Uuid::new_v5(&event_id, T::NAME.as_bytes());
                tasks::enqueue(tx, &task(parse::<E>(data)?), id).await
            }
            .boxed()
        });
        self.events.entry(E::NAME).or_default().push(handler);
        self
    }

    #[must_use]
    pub fn task<T: Task + 'static>(mut self) -> Self {
        let run: RunTask = Box::new(|tx, args| async move { parse::<T>(args)?.run(tx).await }.boxed());
        self.tasks.insert(T::NAME, TaskEntry { max_attempts: T::MAX_ATTEMPTS, queue: T::QUEUE, run });
        self
    }

    /// Calls every handler of an event in the caller's transaction.
    ///
    /// # Errors
    /// `Malformed` when nobody handles it or its data is not what its handlers read.
    pub async fn handle(&self, tx: &mut Tx<'_>, event: &str, id: Uuid, data: &Value) -> Result<()> {
        let handlers =
            self.events.get(event).ok_or_else(|| Error::Malformed("no handler for this event".into()))?;
        for handler in handlers {
            handler(tx, id, data.clone()).await?;
        }
        Ok(())
    }

    pub(crate) fn find_task(&self, name: &str) -> Result<&TaskEntry> {
        self.tasks.get(name).ok_or_else(|| Error::Malformed("there is no task of this name".into()))
    }
}

/// The reader's own words are left out: they could quote the data.
fn parse<T: DeserializeOwned>(data: Value) -> Result<T> {
    // A task without arguments may leave them out.
    let data = if data.is_null() { Value::Object(serde_json::Map::new()) } else { data };
    serde_json::from_value(data)
        .map_err(|_| Error::Malformed("the data or arguments have the wrong shape".into()))
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handlers")
            .field("events", &self.events.keys())
            .field("tasks", &self.tasks.keys())
            .finish()
    }
}
