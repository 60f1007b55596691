//! What travels on the queues, with its schema: `docs/messages.json`. It follows from the table of handlers and
//! tasks.

use app_core::{
    Result,
    application::{
        handlers,
        registry::{Handler, Table},
        tasks::{Enqueue, Task},
    },
    domain::event::Event,
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Pretty JSON: by name, the JSON Schema of each event's `data` and of each task's `args`.
pub fn document() -> String {
    let Schemas { events, tasks } = handlers::table(Schemas::default());
    serde_json::to_string_pretty(&json!({ "events": events, "tasks": tasks })).expect("json")
}

/// The schemas of the table's events and tasks, by name.
#[derive(Default)]
struct Schemas {
    events: Map<String, Value>,
    tasks: Map<String, Value>,
}

impl Schemas {
    fn event<E: Event + ToSchema>(mut self) -> Self {
        self.events.insert(E::NAME.to_owned(), json!({ "v": E::VERSION, "data": schema::<E>() }));
        self
    }
}

impl Table for Schemas {
    fn on<H>(self) -> Self
    where
        H: Handler + 'static,
        H::Event: ToSchema + 'static,
    {
        self.event::<H::Event>()
    }

    fn starts<E: Event + ToSchema + 'static, T: Task + 'static>(
        self,
        _: impl Fn(&E) -> Result<Enqueue<T>> + Send + Sync + Copy + 'static,
    ) -> Self {
        self.event::<E>()
    }

    fn task<T: Task + ToSchema + 'static>(mut self) -> Self {
        let task = json!({ "max_attempts": T::MAX_ATTEMPTS, "args": schema::<T>() });
        self.tasks.insert(T::NAME.to_owned(), task);
        self
    }
}

fn schema<T: ToSchema>() -> Value {
    serde_json::to_value(T::schema()).expect("a schema")
}
