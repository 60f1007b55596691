use serde_json::json;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::domain::auth::challenge::{Owner, Purpose};

const KEY: &str = "a key for tests, of 32 bytes or more";

fn keys(text: &str) -> ChallengeKeys {
    ChallengeKeys::new(text).expect("good keys")
}

fn challenge() -> Challenge {
    let created_at = datetime!(2026-01-01 12:00:00 UTC);
    Challenge {
        id: Uuid::from_u128(1),
        purpose: Purpose::VerifyEmail,
        kid: Some("bare".into()),
        owner: Some(Owner { user: Uuid::from_u128(2), epoch: 3 }),
        subject: Some("ada@example.com".into()),
        data: json!({}),
        binding: None,
        created_at,
        expires_at: created_at + Duration::hours(24),
        used: false,
    }
}

#[test]
fn a_secret_is_the_same_each_time_and_each_part_of_the_row_changes_it() {
    let (keys, own) = (keys(KEY), challenge());
    let token = keys.link(&own).expect("a token");
    assert_eq!(keys.link(&own).expect("a token"), token);
    assert!(keys.is_link(&own, &token).expect("a comparison"));
    let owner = |user: u128, epoch| Some(Owner { user: Uuid::from_u128(user), epoch });
    let others = [
        Challenge { purpose: Purpose::ResetPassword, ..own.clone() },
        Challenge { id: Uuid::from_u128(9), ..own.clone() },
        Challenge { owner: owner(9, 3), ..own.clone() },
        Challenge { owner: owner(2, 4), ..own.clone() },
        Challenge { owner: None, ..own.clone() },
        Challenge { subject: Some("eve@example.com".into()), ..own.clone() },
        Challenge { subject: None, ..own.clone() },
    ];
    for other in others {
        assert!(!keys.is_link(&other, &token).expect("a comparison"), "{other:?}");
    }
    // What may change in a row changes no secret.
    let used = Challenge { used: true, data: json!({ "a": 1 }), ..own };
    assert_eq!(keys.link(&used).expect("a token"), token);
}

#[test]
fn a_link_and_the_two_codes_of_a_row_tell_nothing_about_each_other() {
    let (keys, own) = (keys(KEY), challenge());
    let letters = keys.code(&own, Kind::Letters).expect("a code");
    let digits = keys.code(&own, Kind::Digits).expect("a code");
    assert!(digits.expose().bytes().all(|byte| byte.is_ascii_digit()));
    assert!(keys.is_code(&own, Kind::Letters, &letters).expect("a comparison"));
    assert!(keys.is_code(&own, Kind::Digits, &digits).expect("a comparison"));
    assert!(!keys.is_code(&own, Kind::Digits, &letters).expect("a comparison"));
    // The same bits would give the same code.
    let link = keys.link(&own).expect("a token").secret.expose().to_bits().expect("128 bits");
    assert_ne!(Code::from_bits(Kind::Letters, (link >> 64) as u64), letters);
}

#[test]
fn a_row_keeps_its_key_through_a_rotation_and_a_row_without_one_has_no_secret() {
    let both = r#"{"signing":"new","keys":{"bare":"YSBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcyBvciBtb3Jl","new":"YW5vdGhlciBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcw=="}}"#;
    let (old, rotated, own) = (keys(KEY), keys(both), challenge());
    let token = old.link(&own).expect("a token");
    assert_eq!((rotated.kid(), rotated.link(&own).expect("a token")), ("new", token.clone()));
    let new = Challenge { kid: Some("new".into()), ..own.clone() };
    assert!(!rotated.is_link(&new, &token).expect("a comparison"));
    assert!(matches!(old.link(&new), Err(Error::Unavailable { .. })));
    let never_sent = Challenge { kid: None, ..own };
    assert!(!old.is_link(&never_sent, &token).expect("a comparison"));
}

#[test]
fn keys_that_are_no_keys_are_refused_by_the_name_of_their_setting() {
    for text in ["short", "{}", r#"{"signing":"a","keys":{}}"#, r#"{"signing":"a","keys":{"a":"?"}}"#] {
        let said = ChallengeKeys::new(text).map(drop).map_err(|error| error.chain());
        assert!(said.as_ref().is_err_and(|said| said.contains("CHALLENGE_KEYS")), "{text}: {said:?}");
    }
}
