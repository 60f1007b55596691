//! The rotation of the key that signs tokens: where it stands, and what may be done next.
//!
//! Nothing is remembered anywhere but in the secret itself: its keys, which of them signs, and when
//! Secrets Manager took in this version of it. So any machine may do the next step.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

/// The name of a bare key, as the functions call it.
const BARE: &str = "bare";

/// The secret's text: `{"signing": "<kid>", "keys": {"<kid>": "<base64>"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    pub signing: String,
    pub keys: BTreeMap<String, String>,
}

impl KeySet {
    /// Reads the secret, also where it is still one bare key.
    ///
    /// # Errors
    /// When it is neither. The text is not quoted.
    pub fn parse(text: &str) -> Result<Self> {
        if !text.trim_start().starts_with('{') {
            let keys = BTreeMap::from([(BARE.to_owned(), base64(text.as_bytes()))]);
            return Ok(Self { signing: BARE.to_owned(), keys });
        }
        let set: Self = serde_json::from_str(text).ok().context(
            "the secret is neither a bare key nor {\"signing\", \"keys\"}; put its last good version back",
        )?;
        if !set.keys.contains_key(&set.signing) {
            bail!("the secret names a signing key that it does not hold; put its last good version back");
        }
        Ok(set)
    }

    fn others(&self) -> Vec<&String> {
        self.keys.keys().filter(|kid| **kid != self.signing).collect()
    }
}

/// One change of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A second key, which verifies and does not sign yet.
    Add,
    /// It signs from now on; the other one still verifies.
    Switch,
    /// The old key goes: what it signed is refused.
    Remove,
}

/// How long each step must have been known before the next one.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// How long functions use a secret before they fetch it again.
    pub cache: Duration,
    /// The longest life of a token.
    pub token: Duration,
}

/// Where a rotation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub next: Step,
    /// Seconds since 1970; past, if it may be done now.
    pub due: u64,
}

/// What may be done next, and when. `changed` is when the secret became what it is, in seconds
/// since 1970.
///
/// # Errors
/// When the secret holds more keys than a rotation makes.
pub fn standing(set: &KeySet, changed: u64, waits: Waits) -> Result<Standing> {
    let after = |wait: Duration| changed + wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let others = set.others();
    match others[..] {
        [] => Ok(Standing { next: Step::Add, due: 0 }),
        // Names sort by age: a key that is younger than the signing one was added to replace it.
        [other] if age(other) > age(&set.signing) => {
            Ok(Standing { next: Step::Switch, due: after(waits.cache) })
        }
        // A function that has not seen the switch still signs with the old key for as long as its cache.
        [_] => Ok(Standing { next: Step::Remove, due: after(waits.cache + waits.token) }),
        _ => bail!(
            "the secret holds {} keys; a rotation makes two. Take the ones out that nothing signs with any more",
            set.keys.len()
        ),
    }
}

/// The set after a step. `kid` and `key` are those of the new key, for [`Step::Add`].
#[must_use]
pub fn after(set: &KeySet, step: Step, kid: &str, key: &[u8]) -> KeySet {
    let mut set = set.clone();
    let other = set.others().first().map(|kid| (*kid).clone());
    match (step, other) {
        (Step::Add, _) => {
            set.keys.insert(kid.to_owned(), base64(key));
        }
        (Step::Switch, Some(other)) => set.signing = other,
        (Step::Remove, Some(other)) => drop(set.keys.remove(&other)),
        (Step::Switch | Step::Remove, None) => {}
    }
    set
}

/// The name of a key that is made now: names sort by age, and the bare key is older than all.
#[must_use]
pub fn new_kid(now: u64) -> String {
    format!("k{now:011}")
}

fn age(kid: &str) -> (bool, &str) {
    (kid != BARE, kid)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
            text.push(if place <= three.len() { digit } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: Waits = Waits { cache: Duration::from_secs(300), token: Duration::from_secs(432_000) };

    fn next(set: &KeySet) -> (Step, u64) {
        let standing = standing(set, 1_000, WAITS).expect("a rotation");
        (standing.next, standing.due)
    }

    #[test]
    fn a_rotation_adds_waits_switches_waits_and_removes() {
        let set = KeySet::parse("a bare key of thirty-two bytes or more").expect("a key");
        assert_eq!(next(&set), (Step::Add, 0));
        let set = after(&set, Step::Add, &new_kid(2_000), &[7; 32]);
        assert_eq!((set.signing.as_str(), set.keys.len()), ("bare", 2));
        assert_eq!(next(&set), (Step::Switch, 1_300));
        let set = after(&set, Step::Switch, "", &[]);
        assert_eq!((set.signing.as_str(), set.keys.len()), ("k00000002000", 2));
        assert_eq!(next(&set), (Step::Remove, 1_000 + 300 + 432_000));
        let set = after(&set, Step::Remove, "", &[]);
        assert_eq!((set.signing.as_str(), set.keys.len()), ("k00000002000", 1));
        // The next rotation, with two keys of the same kind of name.
        let set = after(&set, Step::Add, &new_kid(20_000_000_000), &[8; 32]);
        assert_eq!(next(&set).0, Step::Switch);
        assert_eq!(next(&after(&set, Step::Switch, "", &[])).0, Step::Remove);
    }

    #[test]
    fn a_secret_that_is_no_rotation_is_refused_without_being_quoted() {
        for text in [
            r#"{"signing":"secret","keys":{}}"#,
            r#"{"secret"}"#,
            r#"{"signing":"a","keys":{"a":"x"},"secret":1}"#,
        ] {
            let said = KeySet::parse(text).map(|_| ()).map_err(|error| format!("{error:#}"));
            assert!(said.as_ref().is_err_and(|said| !said.contains(r#""secret""#)), "{text}: {said:?}");
        }
        let three = r#"{"signing":"b","keys":{"a":"x","b":"x","c":"x"}}"#;
        assert!(standing(&KeySet::parse(three).expect("a set"), 0, WAITS).is_err());
    }

    #[test]
    fn base64_is_padded() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }
}
