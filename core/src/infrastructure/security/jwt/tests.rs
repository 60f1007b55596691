use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

use super::*;
use crate::config::SecretSource;

const NOW: OffsetDateTime = datetime!(2026-01-01 12:00:00 UTC);
const KEY: &str = "0123456789abcdef0123456789abcdef";
const USER: Uuid = Uuid::from_u128(42);

fn tokens_with(mode: LaunchMode, key: &str) -> Result<Tokens> {
    let config = TokensConfig {
        key: SecretSource::Stored(String::new()),
        access_lifetime: Duration::minutes(5),
        refresh_lifetime: Duration::days(5),
        max_sessions: 100,
        deny_unverified: false,
    };
    Tokens::new("APP", mode, &config, key)
}

fn tokens() -> Tokens {
    tokens_with(LaunchMode::Test, KEY).expect("tokens")
}

fn pair(tokens: &Tokens) -> TokenPair {
    tokens.pair(USER, &RandomId::from_bits(1), &RandomId::from_bits(2), NOW, tokens.kid()).expect("pair")
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap_or_default();
    serde_json::from_slice(&B64.decode(text).expect("base64")).expect("json")
}

#[test]
fn both_tokens_verify_as_what_they_are_and_as_nothing_else() {
    let tokens = tokens();
    let pair = pair(&tokens);
    let access = tokens.verify(pair.access.expose(), TokenKind::Access, NOW).expect("access");
    assert_eq!(
        (access.user, access.session, access.generation),
        (USER, RandomId::from_bits(1), RandomId::from_bits(2))
    );
    let refresh = tokens.verify(pair.refresh.expose(), TokenKind::Refresh, NOW).expect("refresh");
    assert_eq!((refresh.session, refresh.generation), (RandomId::from_bits(1), RandomId::from_bits(2)));
    assert!(tokens.verify(pair.access.expose(), TokenKind::Refresh, NOW).is_err());
    assert!(tokens.verify(pair.refresh.expose(), TokenKind::Access, NOW).is_err());
}

#[test]
fn claims_have_the_prototypes_shape() {
    let pair = pair(&tokens());
    let (e, a) = (RandomId::from_bits(1).to_string(), RandomId::from_bits(2).to_string());
    let access = part(pair.access.expose(), 1);
    assert_eq!(access["user"], json!({"uuid": USER, "sid": a}));
    assert_eq!((&access["type"], &access["ses"]), (&json!("access"), &json!(e)));
    assert_eq!(access["exp"], json!(NOW.unix_timestamp() + 300));
    let refresh = part(pair.refresh.expose(), 1);
    assert_eq!(refresh["user"], json!({"uuid": USER, "sid": format!("{e}#{a}")}));
    assert_eq!(refresh["exp"], json!(NOW.unix_timestamp() + 5 * 86_400));
}

#[test]
fn a_token_ends_at_its_second() {
    let tokens = tokens();
    let pair = pair(&tokens);
    assert!(tokens.verify(pair.access.expose(), TokenKind::Access, NOW + Duration::seconds(299)).is_ok());
    assert!(tokens.verify(pair.access.expose(), TokenKind::Access, NOW + Duration::seconds(300)).is_err());
}

#[test]
fn a_token_of_another_key_mode_or_project_is_refused() {
    let pair = pair(&tokens());
    let other_key = tokens_with(LaunchMode::Test, "another-key-another-key-another-key").expect("tokens");
    let other_mode = tokens_with(LaunchMode::Prod, KEY).expect("tokens");
    let mut other_project = tokens();
    // The same audience, so that the issuer alone decides.
    other_project.validation.set_issuer(&["OTHER"]);
    for other in [other_key, other_mode, other_project] {
        assert!(other.verify(pair.access.expose(), TokenKind::Access, NOW).is_err());
    }
}

#[test]
fn changed_headers_claims_and_signatures_are_refused() {
    let tokens = tokens();
    let access = pair(&tokens).access.expose().clone();
    let [header, claims, signature] = access.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let json = |value: Value| B64.encode(value.to_string());
    let none = json(json!({"alg": "none", "typ": "JWT", "kid": "bare"}));
    let hs384 = json(json!({"alg": "HS384", "typ": "JWT", "kid": "bare"}));
    let no_kid = json(json!({"alg": "HS256", "typ": "JWT"}));
    let mut raised = part(&access, 1);
    raised["user"]["uuid"] = json!(Uuid::from_u128(43));
    for forged in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{hs384}.{claims}.{signature}"),
        format!("{no_kid}.{claims}.{signature}"),
        format!("{header}.{}.{signature}", json(raised)),
        format!("{header}.{claims}.{}", &signature[1..]),
        format!("{header}.{claims}"),
        format!("{access}."),
        "x".repeat(8192),
        String::new(),
    ] {
        assert!(tokens.verify(&forged, TokenKind::Access, NOW).is_err(), "{forged}");
    }
}

#[test]
fn a_key_set_signs_with_one_key_and_verifies_with_all() {
    let key = |byte: u8| base64::prelude::BASE64_STANDARD.encode([byte; 32]);
    let set = |signing: &str, kids: &[(&str, u8)]| {
        let keys: Value = kids
            .iter()
            .map(|(kid, byte)| ((*kid).to_owned(), json!(key(*byte))))
            .collect::<serde_json::Map<_, _>>()
            .into();
        tokens_with(LaunchMode::Test, &json!({"signing": signing, "keys": keys}).to_string()).expect("tokens")
    };
    let old = pair(&set("a", &[("a", 1)]));
    let during = set("b", &[("a", 1), ("b", 2)]);
    assert!(during.verify(old.access.expose(), TokenKind::Access, NOW).is_ok());
    assert_eq!(during.kid(), "b");
    let after = set("b", &[("b", 2)]);
    assert!(after.verify(old.access.expose(), TokenKind::Access, NOW).is_err());
}

#[test]
fn a_bad_key_is_refused_without_being_quoted() {
    for key in [
        "short-secret",
        r#"{"signing":"a","keys":{"a":"c2hvcnQtc2VjcmV0"}}"#,
        r#"{"signing":"b","keys":{}}"#,
        r#"{"signing":"a","keys":{"a":"!!"}}"#,
        r#"{"secret"}"#,
    ] {
        let text = tokens_with(LaunchMode::Test, key).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text.contains("SECRET_KEY") && !text.contains("secret"), "{key}: {text}");
    }
}

#[test]
fn one_generation_always_signs_to_the_same_bytes() {
    let tokens = tokens();
    assert_eq!(pair(&tokens).access.expose(), pair(&tokens).access.expose());
    assert_eq!(pair(&tokens).refresh.expose(), pair(&tokens).refresh.expose());
}
