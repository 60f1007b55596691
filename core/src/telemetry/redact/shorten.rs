//! Cuts long texts in a line.

use std::borrow::Cow;

use super::{
    escape::unit,
    secrets::{ENDS_OF_LOGIN, STARTS, before_authority},
};

/// A text in a line keeps about this many bytes.
pub(super) const LONGEST: usize = 2_000;

/// Returns the JSON line with each string in it cut behind [`LONGEST`] bytes.
pub(super) fn shorten(line: &str) -> Cow<'_, str> {
    if line.len() <= LONGEST {
        return Cow::Borrowed(line);
    }
    let mut short = String::new();
    // Where the part begins that is still to be copied; where the present string begins; where it is cut.
    let (mut from, mut string, mut cut) = (0, None, None);
    let mut at = 0;
    while at < line.len() {
        match (line.as_bytes()[at], string) {
            (b'"', None) => string = Some(at),
            (b'"', Some(_)) => {
                if let (Some(cut), Some(start)) = (cut.take(), string) {
                    let cut = start + without_half_a_secret(&line[start..cut]);
                    short.push_str(&line[from..cut]);
                    short.push('…');
                    from = at;
                }
                string = None;
            }
            (_, Some(start)) if cut.is_none() && at - start > LONGEST && line.is_char_boundary(at) => {
                cut = Some(at);
            }
            _ => {}
        }
        at += unit(&line.as_bytes()[at..]);
    }
    short.push_str(&line[from..]);
    Cow::Owned(short)
}

/// Returns how much of a text may be kept when it is cut behind its end. A secret that reaches the cut is no longer
/// recognised by its shape, so it is left out.
fn without_half_a_secret(text: &str) -> usize {
    let login = text.rfind(ENDS_OF_LOGIN).map_or(0, |end| end + 1);
    let mut keep = before_authority(&text[..login]).map_or(text.len(), str::len);
    for (start, belongs) in STARTS {
        let run = text.bytes().rev().take_while(|byte| belongs(*byte)).count();
        let from = text.len().saturating_sub(run + start.len());
        let found = text.as_bytes()[from..].windows(start.len()).position(|part| part == start.as_bytes());
        keep = found.map_or(keep, |at| keep.min(from + at));
    }
    let mut whole = 0;
    while whole + unit(&text.as_bytes()[whole..]) <= keep {
        whole += unit(&text.as_bytes()[whole..]);
        if whole == text.len() {
            break;
        }
    }
    whole
}
