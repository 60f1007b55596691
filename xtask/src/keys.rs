//! The rotation of the key that signs tokens: where it stands, and what may be done next.
//!
//! Nothing is remembered anywhere but in the secret itself: its keys, which of them signs, and when
//! Secrets Manager took in this version of it. So any machine may do the next step.

use std::cmp::Ordering;
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
            "the secret is neither a bare key nor {\"signing\", \"keys\"}; restore its last good version",
        )?;
        if !set.keys.contains_key(&set.signing) {
            bail!("the secret names a signing key that it does not contain; restore its last good version");
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
    /// Removes the old key; tokens that it signed are refused.
    Remove,
}

/// A fetch that fails when the cache has run out leaves the old keys in use this much longer, or for
/// one more life of the cache if that is shorter: `RETRY` in core/src/infrastructure/secrets/mod.rs.
const RETRY: Duration = Duration::from_secs(30);

/// How long each step must have been known before the next one.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// How long functions use a secret before they fetch it again.
    pub cache: Duration,
    /// The longest life of a token.
    pub token: Duration,
    /// From 1 s, because times are told in whole seconds; more where clocks differ.
    pub margin: Duration,
}

impl Waits {
    /// After this, every function has seen a change of the secret.
    fn known_to_all(self) -> Duration {
        self.cache + RETRY.min(self.cache) + self.margin
    }
}

/// Where a rotation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub next: Step,
    /// Seconds since 1970.
    pub due: u64,
}

impl Standing {
    /// Whether the next step may be done at `now`, in seconds since 1970.
    #[must_use]
    pub fn is_due(&self, now: u64) -> bool {
        self.due <= now
    }
}

/// Returns the next step, and when it may run. `changed` is the time of the secret's last change, in
/// seconds since 1970.
///
/// # Errors
/// When the secret holds more keys than a rotation makes, or two whose names do not say which one is
/// to replace the other.
pub fn standing(set: &KeySet, changed: u64, waits: Waits) -> Result<Standing> {
    let after = |wait: Duration| changed + wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let others = set.others();
    match others[..] {
        [] => Ok(Standing { next: Step::Add, due: 0 }),
        [other] => match age(other).cmp(&age(&set.signing)) {
            // A key that is younger than the signing one was added to replace it.
            Ordering::Greater => Ok(Standing { next: Step::Switch, due: after(waits.known_to_all()) }),
            // A function that has not seen the switch still signs with the old key.
            Ordering::Less => {
                Ok(Standing { next: Step::Remove, due: after(waits.known_to_all() + waits.token) })
            }
            Ordering::Equal => bail!(
                "the names of the keys `{other}` and `{}` do not show which is newer; delete `{other}` if nothing signs with it",
                set.signing
            ),
        },
        _ => bail!(
            "the secret contains {} keys, and a rotation needs at most two. Delete unused keys",
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

/// The name of a key that is made now, which tells its age.
#[must_use]
pub fn new_kid(now: u64) -> String {
    format!("k{now:011}")
}

/// Who made a key, and when: greater is younger. The bare key of a fresh deployment is older than one
/// that was named by hand, and that is older than any that `new_kid` named.
fn age(kid: &str) -> (u8, u64) {
    let made = kid.strip_prefix('k').and_then(|digits| digits.parse().ok());
    match made {
        Some(at) if new_kid(at) == kid => (2, at),
        _ => (u8::from(kid != BARE), 0),
    }
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

    const WAITS: Waits = Waits {
        cache: Duration::from_secs(300),
        token: Duration::from_secs(432_000),
        margin: Duration::from_secs(10),
    };

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
        assert_eq!(next(&set), (Step::Switch, 1_000 + 340));
        let set = after(&set, Step::Switch, "", &[]);
        assert_eq!((set.signing.as_str(), set.keys.len()), ("k00000002000", 2));
        assert_eq!(next(&set), (Step::Remove, 1_000 + 340 + 432_000));
        let set = after(&set, Step::Remove, "", &[]);
        assert_eq!((set.signing.as_str(), set.keys.len()), ("k00000002000", 1));
        // The next rotation, with two keys of the same kind of name.
        let set = after(&set, Step::Add, &new_kid(20_000_000_000), &[8; 32]);
        assert_eq!(next(&set).0, Step::Switch);
        assert_eq!(next(&after(&set, Step::Switch, "", &[])).0, Step::Remove);
    }

    /// An instance may have read the secret just before it changed, at the end of that second, and fail
    /// to read it again once.
    #[test]
    fn nothing_is_due_before_the_slowest_instance_knows() {
        let keys = BTreeMap::from([(BARE.to_owned(), String::new()), (new_kid(900), String::new())]);
        let set = KeySet { signing: BARE.to_owned(), keys };
        for (cache, slowest) in [(300, 1_000 + 300 + 30 + 1), (2, 1_000 + 2 + 2 + 1), (0, 1_001)] {
            let waits = Waits { cache: Duration::from_secs(cache), margin: Duration::from_secs(1), ..WAITS };
            let at = standing(&set, 1_000, waits).expect("a rotation");
            assert!(!at.is_due(slowest - 1) && at.is_due(slowest), "{at:?}");
        }
    }

    #[test]
    fn a_name_made_by_hand_is_older_than_a_generated_one() {
        let pair = |signing: &str, other: &str| {
            let keys = [signing, other].map(|kid| (kid.to_owned(), String::new()));
            KeySet { signing: signing.to_owned(), keys: BTreeMap::from(keys) }
        };
        let new = new_kid(1_767_607_872);
        for old in ["prod-2025", "zzz", "k2", "k99999999999x", "K00000000001", BARE] {
            assert_eq!(next(&pair(old, &new)).0, Step::Switch, "{old}");
            assert_eq!(next(&pair(&new, old)).0, Step::Remove, "{old}");
        }
        assert_eq!(next(&pair(BARE, "prod-2025")).0, Step::Switch);
        let guess = standing(&pair("prod-2024", "prod-2025"), 0, WAITS);
        assert!(guess.is_err_and(|error| error.to_string().contains("prod-2025")));
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
