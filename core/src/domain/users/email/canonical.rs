//! The forms of an address and of its two halves.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use idna_adapter::{Adapter, LEFT_OR_DUAL_JOINING_MASK, RIGHT_OR_DUAL_JOINING_MASK};
use unicode_normalization::UnicodeNormalization;

/// The limit of RFC 5321, in bytes.
const MAX_LOCAL_BYTES: usize = 64;
/// Mapping reaches its fixed point in two rounds. Text that needs more is refused.
const MOST_ROUNDS: usize = 4;

/// Returns the text as its owner meant to write it: in NFC, as RFC 6532 asks. Letters of full or half width
/// are the usual ones (as in RFC 8265), because keyboards write them and mailboxes do not have them.
/// Characters that cannot be seen are dropped. They come from copied text.
pub(super) fn written(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let unicode = Adapter::new();
    let is_seen = |c: &char| unicode.map_normalize(std::iter::once(*c)).next().is_some();
    let width = |c: char| match c {
        '\u{ff01}'..='\u{ffee}' => c.to_string().nfkc().collect::<String>(),
        _ => c.to_string(),
    };
    text.chars().filter(is_seen).map(width).collect::<String>().nfc().collect()
}

/// Returns what Postgres can compute of an address in lower case (migration 0032).
pub(super) fn rough(lower: &str) -> String {
    let lower: String = lower.nfkc().collect();
    lower.to_ascii_lowercase().replace('ß', "ss").replace('ς', "σ").replace('。', ".")
}

/// Returns the canonical form of a local part.
pub(super) fn local_part(text: &str) -> Option<String> {
    fixed_point(text).filter(|local| is_local_part(local))
}

/// Whether the text is RFC 5321's dot-string, with letters and marks of any script (RFC 6531). Quoted local
/// parts are refused.
pub(super) fn is_local_part(text: &str) -> bool {
    text.len() <= MAX_LOCAL_BYTES && text.split('.').all(is_atom)
}

/// Returns the domain as DNS and browsers write it: lower case, other scripts as `xn--` labels.
/// Refuses a domain of one label and an IP address.
pub(super) fn domain(text: &str) -> Option<String> {
    let ascii = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?;
    let (_, last) = ascii.rsplit_once('.')?;
    (!is_number(last)).then(|| ascii.into_owned())
}

/// Returns the domain as people read it, without `xn--` labels.
pub(super) fn readable_domain(canonical: &str) -> String {
    let (readable, _) =
        Uts46::new().to_unicode(canonical.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    readable.into_owned()
}

/// Maps until nothing changes: the mapped form of a canonical form is itself.
fn fixed_point(text: &str) -> Option<String> {
    let mut mapped = map(text);
    for _ in 1..MOST_ROUNDS {
        let next = map(&mapped);
        if next == mapped {
            return Some(mapped);
        }
        mapped = next;
    }
    None
}

/// NFKC and case folding, by the table of UTS 46. It keeps two letters for domains that full case
/// folding does not keep: the final sigma and the sharp s. Forbidden characters become U+FFFD.
fn map(text: &str) -> String {
    let mapped: String = Adapter::new().map_normalize(text.chars()).collect();
    mapped.replace('ς', "σ").replace('ß', "ss")
}

fn is_atom(atom: &str) -> bool {
    let unicode = Adapter::new();
    let chars: Vec<char> = atom.chars().collect();
    let is_allowed = |(place, &c): (usize, &char)| match c {
        // First, because some marks count as letters. UTS 46 lets no label begin with a mark either: it would
        // join the dot or the sign before it.
        _ if unicode.is_mark(c) => place > 0,
        '\u{200c}' | '\u{200d}' => may_join(&unicode, &chars[..place], c, &chars[place + 1..]),
        _ => c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
    };
    !chars.is_empty() && chars.iter().enumerate().all(is_allowed)
}

/// The rules of RFC 5892, appendix A: a joiner is allowed behind a virama. The non-joiner is also
/// allowed between two letters of a cursive script that would join.
fn may_join(unicode: &Adapter, before: &[char], joiner: char, after: &[char]) -> bool {
    if before.last().is_some_and(|&c| unicode.is_virama(c)) {
        return true;
    }
    let joining = |c: &&char| !unicode.joining_type(**c).is_transparent();
    let mask = |c: &char| unicode.joining_type(*c).to_mask();
    let (left, right) = (before.iter().rev().find(joining), after.iter().find(joining));
    joiner == '\u{200c}'
        && left.is_some_and(|c| mask(c).intersects(LEFT_OR_DUAL_JOINING_MASK))
        && right.is_some_and(|c| mask(c).intersects(RIGHT_OR_DUAL_JOINING_MASK))
}

/// Whether browsers read a host that ends with this label as an IPv4 address.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || label.bytes().all(|b| b.is_ascii_digit())
}
