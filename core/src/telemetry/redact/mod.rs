//! The last net: text that looks like a secret is removed from a line before it is written, and long texts are
//! cut. Callers and foreign writers choose some texts, and a line costs by its length.
//!
//! What keeps secrets out of logs are the types (`mask::Secret`). This net is for the day when somebody formats
//! the wrong value.

mod escape;
mod secrets;
mod shorten;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use secrets::redact;
use shorten::shorten;

/// Wraps a writer of lines.
pub(super) struct Redacted<M>(pub(super) M);

pub(super) struct Line<W: Write>(W);

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Redacted<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

impl<W: Write> Write for Line<W> {
    /// The formatter hands over whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(redact(&shorten(&String::from_utf8_lossy(bytes))).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
