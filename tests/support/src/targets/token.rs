//! Tokens: nothing but the very bytes that we signed is believed, however near it comes.

use std::sync::LazyLock;

use app_core::{
    Error,
    config::{LaunchMode, SecretSource, TokensConfig},
    domain::{
        auth::{RandomId, TokenKind},
        mask::Secret,
    },
    infrastructure::security::jwt::Tokens,
};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-01-01 12:00:00 UTC);
const KEY: &str = "a key for tests, of 32 bytes or more";

struct Known {
    tokens: Tokens,
    access: String,
    refresh: String,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let config = TokensConfig {
        key: SecretSource::Inline(Secret::new(KEY.into())),
        access_lifetime: time::Duration::minutes(5),
        refresh_lifetime: time::Duration::days(5),
        max_sessions: 100,
        deny_unverified: false,
    };
    let tokens = Tokens::new("APP", LaunchMode::Test, &config, KEY).expect("a good key");
    let sid = |text| RandomId::parse(text).expect("an id");
    let (session, generation) = (sid("0000000000000000000001"), sid("0000000000000000000002"));
    let pair = tokens.pair(Uuid::nil(), &session, &generation, NOW, tokens.kid()).expect("a pair");
    let (access, refresh) = (pair.access.expose().clone(), pair.refresh.expose().clone());
    Known { tokens, access, refresh }
});

pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    judge(&text);
    // And a good one of which some bytes are replaced by these: where, and how many, say the first two.
    if let [at, count, rest @ ..] = data {
        let rest = String::from_utf8_lossy(rest);
        for token in [&KNOWN.access, &KNOWN.refresh] {
            let at = usize::from(*at) * token.len() / 256;
            let end = (at + usize::from(*count)).min(token.len());
            judge(&format!("{}{rest}{}", &token[..at], &token[end..]));
        }
    }
}

fn judge(text: &str) {
    for (kind, good) in [(TokenKind::Access, &KNOWN.access), (TokenKind::Refresh, &KNOWN.refresh)] {
        match KNOWN.tokens.verify(text, kind, NOW) {
            Ok(_) => assert_eq!(text, good, "believed, and not signed"),
            Err(Error::Unauthenticated(_)) => assert_ne!(text, good, "signed, and not believed"),
            Err(error) => panic!("{error}"),
        }
    }
}
