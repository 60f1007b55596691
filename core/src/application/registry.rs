//! The registry: which handlers an event has, which tasks exist, and the code of each.

use std::{collections::BTreeMap, marker::PhantomData};

use futures_util::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

pub use super::arrived::Received;
use super::tasks::{Enqueue, Known, Task, TaskContext, TaskRules};
use crate::{
    domain::{Error, Result, event::Event},
    infrastructure::{messaging::Queue, tx::Tx},
};

/// A handler of an event. It works in Postgres only; effects outside of Postgres are for a task.
pub trait Handler: Send + Sync {
    type Event: Event;
    /// Its name in the inbox, in snake case. Do not rename it: redelivered messages would be handled a second
    /// time.
    const NAME: &'static str;

    /// Handles events that this handler has not handled before, in the order of their arrival. What it writes
    /// through `tx` commits together with the inbox rows of these events. After an error each event is
    /// delivered again separately.
    fn handle(tx: &mut Tx<'_>, events: Vec<Received<Self::Event>>)
    -> impl Future<Output = Result<()>> + Send;
}

type OnEvents =
    Box<dyn for<'a> Fn(&'a mut Tx<'_>, &'a [&'a Received<Value>]) -> BoxFuture<'a, Result<()>> + Send + Sync>;
pub(crate) type RunTask =
    Box<dyn for<'a> Fn(&'a mut TaskContext<'_>, Value) -> BoxFuture<'a, Result<Value>> + Send + Sync>;
/// Version and group of an event with this data.
type Check = fn(&Value) -> Result<(i32, Option<String>)>;

/// What the lines of `handlers/mod.rs` are added to: the [`Registry`], or the description of the messages. Only the
/// description uses the schemas, so no function links them.
pub trait Table: Sized {
    /// Adds a handler of an event.
    #[must_use]
    fn on<H>(self) -> Self
    where
        H: Handler + 'static,
        H::Event: ToSchema + 'static;

    /// Adds a task that an event starts.
    #[must_use]
    fn starts<E: Event + ToSchema + 'static, T: Task + 'static>(
        self,
        task: impl Fn(&E) -> Result<Enqueue<T>> + Send + Sync + Copy + 'static,
    ) -> Self;

    /// Adds a task.
    #[must_use]
    fn task<T: Task + ToSchema + 'static>(self) -> Self;
}

#[derive(Default)]
pub struct Registry {
    events: BTreeMap<&'static str, Vec<EventEntry>>,
    known: Known,
    /// The code of the known tasks that this worker runs.
    tasks: BTreeMap<&'static str, RunTask>,
}

pub(crate) struct EventEntry {
    pub(crate) name: &'static str,
    /// The newest version of the data that it reads.
    pub(crate) version: i32,
    pub(crate) handle: OnEvents,
    check: Check,
}

impl Registry {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a handler of this event.
    #[must_use]
    pub fn on<H: Handler + 'static>(self) -> Self {
        self.add::<H::Event>(
            H::NAME,
            Box::new(|tx, events| async move { H::handle(tx, received(events)?).await }.boxed()),
        )
    }

    /// Adds a task that this event starts.
    #[must_use]
    pub fn starts<E: Event + 'static, T: Task + 'static>(
        self,
        task: impl Fn(&E) -> Result<Enqueue<T>> + Send + Sync + Copy + 'static,
    ) -> Self {
        let handle: OnEvents = Box::new(move |tx, events| {
            async move {
                let events = received::<E>(events)?;
                let tasks =
                    events.iter().map(|received| received.traced(task)).collect::<Result<Vec<_>>>()?;
                Enqueue::write_all(tx, tasks).await
            }
            .boxed()
        });
        self.add::<E>(T::NAME, handle)
    }

    fn add<E: Event>(mut self, name: &'static str, handle: OnEvents) -> Self {
        let check: Check = |data| parse::<E>(data).map(|event| (E::VERSION, event.group()));
        let handlers = self.events.entry(E::NAME).or_default();
        // The inbox could not tell the two apart.
        let twin = handlers.iter().any(|other| other.name == name);
        assert!(!twin, "{} has two handlers with the name {name}", E::NAME);
        self.known.add_event_handler(name);
        handlers.push(EventEntry { name, version: E::VERSION, handle, check });
        self
    }

    #[must_use]
    pub fn task<T: Task + 'static>(mut self) -> Self {
        let run: RunTask =
            Box::new(|context, args| async move { parse::<T>(&args)?.run(context).await }.boxed());
        self.tasks.insert(T::NAME, run);
        self.rules::<T>()
    }

    /// Adds a task without its code.
    fn rules<T: Task>(mut self) -> Self {
        let rules =
            TaskRules { name: T::NAME, queue: T::QUEUE, max_attempts: T::MAX_ATTEMPTS, backoff: T::BACKOFF };
        self.known.add_task(rules);
        self
    }

    /// The events that somebody handles, by name.
    pub fn events(&self) -> impl Iterator<Item = &'static str> {
        self.events.keys().copied()
    }

    /// The tasks there are, by name.
    pub fn tasks(&self) -> impl Iterator<Item = &'static str> {
        self.known.tasks()
    }

    /// Returns what is known about tasks and event handlers without their code.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Version and group of an event that somebody handles and whose data can be read.
    ///
    /// # Errors
    /// `Validation`: `event` is unknown, or `data` has the wrong shape.
    pub fn check(&self, event: &str, data: &Value) -> Result<(i32, Option<String>)> {
        let handler = self.events.get(event).and_then(|handlers| handlers.first());
        let handler = handler.ok_or_else(|| Error::invalid("event", "unknown"))?;
        (handler.check)(data).map_err(|_| Error::invalid("data", "format"))
    }

    pub(crate) fn find_event(&self, name: &str) -> Result<&[EventEntry]> {
        let found = self.events.get(name).map(Vec::as_slice);
        found.ok_or_else(|| Error::Malformed("this event has no handler".into()))
    }

    /// Finds a task, and its code if it is of the queue of this worker.
    ///
    /// # Errors
    /// `Malformed` when this version has no task with this name.
    pub(crate) fn find_task(&self, name: &str) -> Result<(&TaskRules, Option<&RunTask>)> {
        Ok((self.known.find_task(name)?, self.tasks.get(name)))
    }
}

impl Table for Registry {
    fn on<H>(self) -> Self
    where
        H: Handler + 'static,
        H::Event: ToSchema + 'static,
    {
        Self::on::<H>(self)
    }

    fn starts<E: Event + ToSchema + 'static, T: Task + 'static>(
        self,
        task: impl Fn(&E) -> Result<Enqueue<T>> + Send + Sync + Copy + 'static,
    ) -> Self {
        Self::starts::<E, T>(self, task)
    }

    fn task<T: Task + ToSchema + 'static>(self) -> Self {
        Self::task::<T>(self)
    }
}

/// The queue of a worker, as a type.
pub trait WorkerQueue {
    /// `None`: it runs no task and only knows them.
    const QUEUE: Option<Queue>;
}

#[derive(Debug)]
pub struct OfTasks;
#[derive(Debug)]
pub struct OfMail;
#[derive(Debug)]
pub struct OfNone;

impl WorkerQueue for OfTasks {
    const QUEUE: Option<Queue> = Some(Queue::Tasks);
}

impl WorkerQueue for OfMail {
    const QUEUE: Option<Queue> = Some(Queue::Mail);
}

impl WorkerQueue for OfNone {
    const QUEUE: Option<Queue> = None;
}

/// Makes the registry of a worker: the rules of all tasks, and the code of the tasks of its queue. Both queues are
/// constants, so the code of all other tasks is not linked.
#[derive(Debug)]
pub struct ForWorker<Q> {
    registry: Registry,
    queue: PhantomData<Q>,
}

impl<Q: WorkerQueue> ForWorker<Q> {
    pub fn new() -> Self {
        Self { registry: Registry::new(), queue: PhantomData }
    }

    pub fn registry(self) -> Registry {
        self.registry
    }
}

impl<Q: WorkerQueue> Default for ForWorker<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q: WorkerQueue> Table for ForWorker<Q> {
    fn on<H>(self) -> Self
    where
        H: Handler + 'static,
        H::Event: ToSchema + 'static,
    {
        Self { registry: self.registry.on::<H>(), ..self }
    }

    fn starts<E: Event + ToSchema + 'static, T: Task + 'static>(
        self,
        task: impl Fn(&E) -> Result<Enqueue<T>> + Send + Sync + Copy + 'static,
    ) -> Self {
        Self { registry: self.registry.starts::<E, T>(task), ..self }
    }

    fn task<T: Task + ToSchema + 'static>(self) -> Self {
        let registry =
            if Q::QUEUE == Some(T::QUEUE) { self.registry.task::<T>() } else { self.registry.rules::<T>() };
        Self { registry, ..self }
    }
}

fn received<E: Event>(events: &[&Received<Value>]) -> Result<Vec<Received<E>>> {
    events.iter().map(|event| event.read(parse)).collect()
}

/// The parser's message is left out, because it could quote the data.
fn parse<T: DeserializeOwned>(data: &Value) -> Result<T> {
    // A task without arguments may leave them out.
    let nothing = Value::Object(serde_json::Map::new());
    T::deserialize(if data.is_null() { &nothing } else { data })
        .map_err(|_| Error::Malformed("the data or arguments do not have the expected form".into()))
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("events", &self.events.keys())
            .field("tasks", &self.tasks.keys())
            .finish()
    }
}
