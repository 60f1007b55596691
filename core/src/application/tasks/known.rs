//! What this version can run: its tasks, with how each is sent and retried, and its event handlers.

use std::collections::BTreeMap;

use super::Backoff;
use crate::{
    domain::{Error, Result},
    infrastructure::messaging::Queue,
};

/// How a task is sent and retried: the constants of its `Task`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskRules {
    pub(crate) name: &'static str,
    pub(crate) queue: Queue,
    pub(crate) max_attempts: i32,
    pub(crate) backoff: Backoff,
}

/// The rules of every task, and the names of all event handlers. The code that they run is in the registry.
#[derive(Debug, Default)]
pub struct Known {
    tasks: BTreeMap<&'static str, TaskRules>,
    event_handlers: Vec<&'static str>,
}

impl Known {
    /// Adds a task.
    ///
    /// # Panics
    /// When another task has this name.
    pub(crate) fn add_task(&mut self, rules: TaskRules) {
        let name = rules.name;
        let other = self.tasks.insert(name, rules);
        assert!(other.is_none(), "two tasks have the name {name}");
    }

    /// Adds an event handler by its name in the inbox.
    pub(crate) fn add_event_handler(&mut self, name: &'static str) {
        self.event_handlers.push(name);
    }

    /// Returns the names of all tasks.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &'static str> {
        self.tasks.keys().copied()
    }

    /// Returns the names of all event handlers, as the inbox has them.
    pub(crate) fn event_handlers(&self) -> &[&'static str] {
        &self.event_handlers
    }

    /// # Errors
    /// `Malformed` when this version has no task with this name.
    pub(crate) fn find_task(&self, name: &str) -> Result<&TaskRules> {
        self.tasks.get(name).ok_or_else(|| Error::Malformed("there is no task with this name".into()))
    }
}
