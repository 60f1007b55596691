//! The layer that writes each event as one line of JSON. It builds the fields about the request only when it writes a
//! line, so a request that logs nothing does not pay for them.

use std::{fmt, io::Write as _};

use serde::{Serialize, Serializer as _, ser::SerializeMap};
use serde_json::Serializer;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    layer::Context,
};

use super::scope;

/// Writes the lines. `W` gets whole lines.
pub(super) struct Lines<W>(pub(super) W);

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Vec::with_capacity(512);
        // Writing to memory does not fail, and nobody could be told that a line is lost.
        if write(event, &mut line).is_ok() {
            line.push(b'\n');
            let _ = self.0.make_writer_for(event.metadata()).write_all(&line);
        }
    }
}

fn write(event: &Event<'_>, line: &mut Vec<u8>) -> serde_json::Result<()> {
    let mut time = String::with_capacity(27);
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let mut serializer = Serializer::new(line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", &time)?;
    map.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = Fields { map: &mut map, result: Ok(()) };
    event.record(&mut fields);
    fields.result?;
    map.serialize_entry("target", event.metadata().target())?;
    scope::with_current(|scope| map.serialize_entry("span", scope)).transpose()?;
    map.end()
}

/// The fields of an event, on the level of the line.
struct Fields<'m, M: SerializeMap> {
    map: &'m mut M,
    result: Result<(), M::Error>,
}

impl<M: SerializeMap> Fields<'_, M> {
    fn entry(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if self.result.is_ok() {
            self.result = self.map.serialize_entry(field.name(), value);
        }
    }
}

impl<M: SerializeMap> Visit for Fields<'_, M> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.entry(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.entry(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.entry(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.entry(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.entry(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.entry(field, &value);
    }
}
