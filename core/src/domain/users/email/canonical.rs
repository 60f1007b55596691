//! The canonical forms of the two halves of an address.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use idna_adapter::{Adapter, LEFT_OR_DUAL_JOINING_MASK, RIGHT_OR_DUAL_JOINING_MASK};

/// The limit of RFC 5321, in bytes.
const MAX_LOCAL_BYTES: usize = 64;
/// Mapping reaches its fixed point in two rounds. Text that needs more is refused.
const MOST_ROUNDS: usize = 4;

/// Returns RFC 5321's dot-string after mapping, with letters and marks of any script (RFC 6531).
/// Quoted local parts are refused.
pub(super) fn local_part(text: &str) -> Option<String> {
    let local = fixed_point(text)?;
    let fits = local.len() <= MAX_LOCAL_BYTES && local.split('.').all(is_atom);
    fits.then_some(local)
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
        _ if c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) => true,
        '\u{200c}' | '\u{200d}' => may_join(&unicode, &chars[..place], c, &chars[place + 1..]),
        _ => place > 0 && unicode.is_mark(c),
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
