//! Kafka's frames, as far as the door has to understand them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Larger ones are no frames of these tests.
const MOST: usize = 4 * 1024 * 1024;

pub(super) const PRODUCE: i16 = 0;
pub(super) const API_VERSIONS: i16 = 18;
pub(super) const SASL_HANDSHAKE: i16 = 17;
pub(super) const SASL_AUTHENTICATE: i16 = 36;

/// A request or an answer, without its length.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await? as usize;
    if length > MOST {
        return Err(io::Error::other("no frame of Kafka's"));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    to.write_u32(frame.len() as u32).await?;
    to.write_all(frame).await?;
    to.flush().await
}

/// A request's frame, read from its beginning. What is not there reads as nothing: these frames come
/// from the client under test, and a test would see.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(frame: &'a [u8]) -> Self {
        Self(frame)
    }

    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn int16(&mut self) -> i16 {
        self.take(2).try_into().map_or(0, i16::from_be_bytes)
    }

    pub(super) fn int32(&mut self) -> i32 {
        self.take(4).try_into().map_or(0, i32::from_be_bytes)
    }

    /// With a length of 16 bits, -1 for none.
    pub(super) fn string(&mut self) -> &'a [u8] {
        let length = self.int16();
        self.take(usize::try_from(length).unwrap_or(0))
    }
}

/// What every request begins with.
pub(super) struct Header {
    pub(super) key: i16,
    pub(super) id: i32,
}

impl Header {
    /// And the place behind it.
    pub(super) fn of(frame: &[u8]) -> (Self, Reader<'_>) {
        let mut rest = Reader::new(frame);
        let key = rest.int16();
        // The version of it.
        rest.take(2);
        let id = rest.int32();
        // The client's name.
        rest.string();
        (Self { key, id }, rest)
    }
}

/// What a request to write is about; the library asks for one partition at a time.
pub(super) fn topic_and_partition<'a>(rest: &mut Reader<'a>) -> (&'a [u8], i32) {
    // The transaction's id, required answers, time limit, number of topics.
    rest.string();
    rest.take(2 + 4 + 4);
    let topic = rest.string();
    rest.take(4);
    (topic, rest.int32())
}

/// An answer to a request to write (versions 5 to 7) that refuses it with this code.
pub(super) fn refusal(id: i32, topic: &[u8], partition: i32, code: i16) -> Vec<u8> {
    let mut frame = id.to_be_bytes().to_vec();
    frame.extend(1_i32.to_be_bytes());
    frame.extend((topic.len() as i16).to_be_bytes());
    frame.extend(topic);
    frame.extend(1_i32.to_be_bytes());
    frame.extend(partition.to_be_bytes());
    frame.extend(code.to_be_bytes());
    // Offset, time and beginning of the log.
    frame.extend([0xff; 8 + 8 + 8]);
    // The time of throttling is zero.
    frame.extend(0_i32.to_be_bytes());
    frame
}
