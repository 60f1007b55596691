//! The trace of a piece of work: the id that a request shares with its messages, its tasks and its mails.

use std::{
    fmt,
    num::{NonZeroU64, NonZeroU128},
};

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The id of a trace, never zero. As text it has 32 hex digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(NonZeroU128);

/// The place of a piece of work in its trace. As text it is the header `traceparent` of W3C Trace Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    pub id: TraceId,
    /// The span that caused the work. `None` at the beginning of a trace.
    pub parent: Option<NonZeroU64>,
    /// Whether spans of this trace are kept.
    pub sampled: bool,
}

/// The bytes of a `traceparent` of version 00. Later versions may add fields after them.
const TRACEPARENT_BYTES: usize = 55;

impl TraceContext {
    /// Begins the trace of a request or a message. Its id becomes the trace's, so each delivery of a message has the
    /// same trace.
    pub fn begin(id: Uuid, sampled: bool) -> Self {
        // Nothing has the nil id.
        let id = TraceId(NonZeroU128::new(id.as_u128()).unwrap_or(NonZeroU128::MIN));
        Self { id, parent: None, sampled }
    }

    /// Reads the header `traceparent`: version, trace, span and flags, as
    /// `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`. A header that breaks the rules counts as missing.
    pub fn of_traceparent(header: &str) -> Option<Self> {
        let (known, more) = header.as_bytes().split_at_checked(TRACEPARENT_BYTES)?;
        let mut fields = known.split(|byte| *byte == b'-');
        let mut field = |digits| fields.next().filter(|field| field.len() == digits).and_then(hex);
        let (version, id, parent, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let is_readable = match version {
            0 => more.is_empty(),
            0xff => false,
            _ => more.is_empty() || more.starts_with(b"-"),
        };
        let parent = NonZeroU64::new(parent as u64)?;
        let context =
            Self { id: TraceId(NonZeroU128::new(id)?), parent: Some(parent), sampled: flags & 1 == 1 };
        is_readable.then_some(context)
    }

    /// Reads Lambda's header `Lambda-Runtime-Trace-Id`, as
    /// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. Other parts are skipped.
    pub fn of_lambda(header: &str) -> Option<Self> {
        let (mut id, mut parent, mut sampled) = (None, None, false);
        for (name, value) in header.split(';').filter_map(|part| part.trim().split_once('=')) {
            match name {
                "Root" => id = root(value),
                "Parent" if value.len() == 16 => parent = hex(value.as_bytes()),
                "Sampled" => sampled = value == "1",
                _ => {}
            }
        }
        let parent = parent.and_then(|parent| NonZeroU64::new(parent as u64));
        Some(Self { id: id?, parent, sampled })
    }
}

/// Reads an id in the form of X-Ray: `1-`, eight digits of the time, `-`, and 24 more.
fn root(text: &str) -> Option<TraceId> {
    let (time, rest) = text.strip_prefix("1-")?.split_once('-')?;
    if (time.len(), rest.len()) != (8, 24) {
        return None;
    }
    let (time, rest) = (hex(time.as_bytes())?, hex(rest.as_bytes())?);
    NonZeroU128::new(time << 96 | rest).map(TraceId)
}

/// Reads at most 32 hex digits in lower case.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

impl TraceId {
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The form must name a span. At the beginning of a trace there is none, so the last half of the trace's id is written.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, parent, sampled } = self;
        let stand_in = NonZeroU64::new(id.0.get() as u64).unwrap_or(NonZeroU64::MIN);
        write!(f, "00-{id}-{:016x}-{:02x}", parent.unwrap_or(stand_in), u8::from(*sampled))
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";
    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const LAMBDA: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn read(header: &str) -> Option<String> {
        TraceContext::of_traceparent(header).map(|context| context.to_string())
    }

    fn of_lambda(header: &str) -> Option<(String, Option<u64>, bool)> {
        let context = TraceContext::of_lambda(header)?;
        Some((context.id.to_string(), context.parent.map(NonZeroU64::get), context.sampled))
    }

    #[test]
    fn a_traceparent_is_read_and_written_in_the_same_form() {
        for header in [HEADER, "00-00000000000000000000000000000001-0000000000000001-00"] {
            assert_eq!(read(header).as_deref(), Some(header));
        }
        let context = TraceContext::of_traceparent(HEADER).expect("a context");
        assert_eq!(context.id.to_string(), ID);
        assert_eq!(
            (context.parent.map(NonZeroU64::get), context.sampled),
            (Some(0xb7ad_6b71_6920_3331), true)
        );
        assert_eq!(serde_json::to_value(context).expect("json"), HEADER);
    }

    #[test]
    fn only_the_flag_for_sampling_is_read() {
        for (flags, written) in [("00", "00"), ("03", "01"), ("fe", "00"), ("ff", "01")] {
            let of = |flags: &str| format!("00-{ID}-b7ad6b7169203331-{flags}");
            assert_eq!(read(&of(flags)), Some(of(written)));
        }
    }

    #[test]
    fn a_later_version_may_add_fields() {
        for version in ["01", "cc", "fe"] {
            for more in ["", "-", "-what-the-future-brings", "-\u{1f600}"] {
                let header = format!("{version}{}{more}", &HEADER[2..]);
                assert_eq!(read(&header).as_deref(), Some(HEADER), "{header}");
            }
            assert_eq!(read(&format!("{version}{}.more", &HEADER[2..])), None);
        }
    }

    #[test]
    fn a_header_that_breaks_the_rules_counts_as_missing() {
        let zero = "0".repeat(32);
        for header in [
            "",
            "00",
            "00-",
            ID,
            &HEADER[..54],
            &format!("{HEADER}-"),
            &format!("{HEADER}-01"),
            &format!(" {HEADER}"),
            &format!("{HEADER} "),
            &format!("{HEADER}\n"),
            &format!("ff{}", &HEADER[2..]),
            &format!("0x{}", &HEADER[2..]),
            &HEADER.to_uppercase(),
            &HEADER.replace('-', "_"),
            &HEADER.replace('-', "\u{2010}"),
            &format!("00-{zero}-b7ad6b7169203331-01"),
            &format!("00-{ID}-0000000000000000-01"),
            &format!("00-{ID}-b7ad6b7169203331-0"),
            &format!("00-{ID}-b7ad6b7169203331-0g"),
            &format!("00-{ID}-b7ad6b7169203331-+1"),
            &format!("00-{ID}-b7ad6b716920333-101"),
            &format!("00-{ID}0-b7ad6b716920333-01"),
            "00-ada@example.com-is-in-a-header-that-has-55-bytes-01-",
            &"-".repeat(TRACEPARENT_BYTES),
            &"\0".repeat(TRACEPARENT_BYTES),
            &"\u{1f600}".repeat(TRACEPARENT_BYTES),
        ] {
            assert_eq!(read(header), None, "{header:?}");
        }
    }

    /// Each byte of a good header becomes each other byte: it is read as the rules say, or not at all.
    #[test]
    fn every_header_with_one_other_byte_is_read_by_the_rules_or_not_at_all() {
        for place in 0..HEADER.len() {
            for byte in 0..=0x7f_u8 {
                let mut bytes = HEADER.as_bytes().to_vec();
                bytes[place] = byte;
                let header = String::from_utf8(bytes).expect("ASCII");
                let stays = match HEADER.as_bytes()[place] {
                    b'-' => byte == b'-',
                    _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                };
                let read = read(&header);
                assert_eq!(read.is_some(), stays, "{header:?}");
                if let Some(read) = read {
                    assert_eq!(read[3..52], header[3..52], "{header:?}");
                }
            }
        }
    }

    #[test]
    fn the_header_of_lambda_is_read() {
        let id = "5759e988bd862e3fe1be46a994272793".to_owned();
        let parent = Some(0x5399_5c3f_42cd_8ad8);
        assert_eq!(of_lambda(LAMBDA), Some((id.clone(), parent, true)));
        for (header, parent, sampled) in [
            ("Root=1-5759e988-bd862e3fe1be46a994272793", None, false),
            ("Sampled=1; Root=1-5759e988-bd862e3fe1be46a994272793", None, true),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", parent, false),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?;Lineage=1:a87bd80c:0", None, false),
            (
                "Self=1-67891234-12456789abcdef012345678a;Root=1-5759e988-bd862e3fe1be46a994272793",
                None,
                false,
            ),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=ada;;=;x;Sampled=", None, false),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000", None, false),
        ] {
            assert_eq!(of_lambda(header), Some((id.clone(), parent, sampled)), "{header}");
        }
    }

    #[test]
    fn a_header_of_lambda_without_a_trace_counts_as_missing() {
        for header in [
            "",
            "Parent=53995c3f42cd8ad8;Sampled=1",
            "root=1-5759e988-bd862e3fe1be46a994272793",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e98-8bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-5759E988-BD862E3FE1BE46A994272793",
            "Root=1-00000000-000000000000000000000000",
            "Root=1-ada@exam-ada@example.com/password",
            HEADER,
        ] {
            assert_eq!(of_lambda(header), None, "{header}");
        }
    }

    #[test]
    fn a_trace_that_begins_has_the_id_of_its_request_and_can_be_sent_on() {
        let begun = TraceContext::begin(Uuid::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c), true);
        assert_eq!((begun.id.to_string().as_str(), begun.parent), (ID, None));
        assert_eq!(begun.to_string(), format!("00-{ID}-8448eb211c80319c-01"));
        for odd in [0, 1 << 64, u128::MAX] {
            let begun = TraceContext::begin(Uuid::from_u128(odd), false);
            let read = TraceContext::of_traceparent(&begun.to_string()).expect("its own text");
            assert_eq!((read.id, read.sampled), (begun.id, false));
        }
    }
}
