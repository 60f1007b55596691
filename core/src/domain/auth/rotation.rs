//! Decides what happens to a refresh token that is not the session's current one: replay, reuse, or over.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{RandomId, Token};

/// Once the new access token was used, only parallel tabs of one browser still hold the old pair.
const REPLAY_SEEN: Duration = Duration::seconds(10);

/// A gateway gives up after 29 seconds. After this, nobody honest still waits for the first response.
pub(super) const SAME_PAIR: Duration = Duration::seconds(60);

/// An honest client that lost this many responses in a row signs in again. Without a limit, a copied token
/// could be exchanged every minute for five days.
const MAX_REPLACEMENTS: i32 = 10;

/// An access token is handed out again only if it is good for this much longer.
const WORTH_USING: Duration = Duration::seconds(30);

/// A session as it is stored, locked against other refreshes.
#[derive(Debug, Clone)]
pub struct StoredSession {
    pub user: Uuid,
    pub user_may_sign_in: bool,
    /// The generation of the live pair, and the one that it replaced: only one step back can be
    /// replayed.
    pub live: RandomId,
    pub parent: Option<RandomId>,
    /// The key that signed the live pair, and when, in whole seconds.
    pub kid: String,
    pub rotated_at: OffsetDateTime,
    /// The first use of the live access token.
    pub seen_at: Option<OffsetDateTime>,
    /// How many pairs have taken the place of a lost one since the last rotation.
    pub replacements: i32,
    /// When the user last proved their identity.
    pub proved_at: Option<OffsetDateTime>,
    pub idle_until: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The session or its user is gone.
    Over,
    /// It is the live token after all: something changed between two statements.
    Live,
    /// The token that the live one replaced, and its client may not have got the live one. A successor
    /// is handed out: the live one, or another in its place, see [`StoredSession::gives_same_pair`].
    Replay,
    /// The token was replaced, and its client did get the new one: two parties hold tokens of one
    /// session.
    Reuse,
}

impl StoredSession {
    /// Whether it, or its user, is gone at `now`.
    pub fn is_over(&self, user: Uuid, now: OffsetDateTime) -> bool {
        let ended = self.revoked || self.idle_until <= now || self.expires_at <= now;
        ended || !self.user_may_sign_in || self.user != user
    }

    /// What `token`, whose signature is good, is worth at `now`.
    pub fn judge(&self, token: &Token, now: OffsetDateTime) -> Standing {
        if self.is_over(token.user, now) {
            return Standing::Over;
        }
        if token.generation == self.live {
            return Standing::Live;
        }
        // As long as nobody has used the new pair, its client may still be waiting for it: a phone that
        // lost the response may come back days later. The token's own expiry ends that.
        let may_wait = self.seen_at.is_none() || now - self.rotated_at <= REPLAY_SEEN;
        if may_wait && self.parent.as_ref() == Some(&token.generation) {
            Standing::Replay
        } else {
            Standing::Reuse
        }
    }

    /// Whether a replay at `now` gets the live pair again. Parallel requests then agree on one pair.
    ///
    /// A later replay gets another successor, and the one before it becomes worthless. Otherwise a thief
    /// who refreshed first would share a pair with the owner, and nobody would notice.
    pub fn gives_same_pair(&self, now: OffsetDateTime, access_lifetime: Duration) -> bool {
        now - self.rotated_at <= SAME_PAIR.min(access_lifetime - WORTH_USING)
    }

    /// Returns whether the first pair of a new session may be handed out again at `now`: nobody has used it, so its
    /// client may not have got it.
    pub fn gives_first_pair(&self, now: OffsetDateTime, access_lifetime: Duration) -> bool {
        self.parent.is_none() && self.seen_at.is_none() && self.gives_same_pair(now, access_lifetime)
    }

    /// Whether the live pair itself was given for a proof of identity. The pair before it has no share in the
    /// proof, so its refresh token must not buy one.
    pub fn began_with_proof(&self) -> bool {
        self.proved_at == Some(self.rotated_at)
    }

    /// Returns whether another pair may still take the place of the live one.
    pub fn may_be_replaced(&self) -> bool {
        self.replacements < MAX_REPLACEMENTS
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const ROTATED: OffsetDateTime = datetime!(2026-01-01 12:00:00 UTC);

    fn session() -> StoredSession {
        StoredSession {
            user: Uuid::from_u128(1),
            user_may_sign_in: true,
            live: RandomId::from_bits(3),
            parent: Some(RandomId::from_bits(2)),
            kid: "k".into(),
            rotated_at: ROTATED,
            seen_at: None,
            replacements: 0,
            proved_at: None,
            idle_until: ROTATED + Duration::days(5),
            expires_at: ROTATED + Duration::days(30),
            revoked: false,
        }
    }

    fn token(generation: u128) -> Token {
        Token {
            user: Uuid::from_u128(1),
            session: RandomId::from_bits(9),
            generation: RandomId::from_bits(generation),
        }
    }

    fn judged(session: &StoredSession, generation: u128, seconds: i64) -> Standing {
        session.judge(&token(generation), ROTATED + Duration::seconds(seconds))
    }

    #[test]
    fn the_parent_is_replayed_while_its_successor_is_unseen_and_for_ten_seconds_after_that() {
        let mut session = session();
        for seconds in [0, 1, 61, 4 * 86_400] {
            assert_eq!(judged(&session, 2, seconds), Standing::Replay, "{seconds}");
        }
        session.seen_at = Some(ROTATED);
        assert_eq!([10, 11].map(|s| judged(&session, 2, s)), [Standing::Replay, Standing::Reuse]);
    }

    #[test]
    fn the_same_pair_is_given_for_a_minute_and_never_with_a_token_that_is_nearly_over() {
        for (minutes, last) in [(60, 60), (5, 60), (2, 60), (1, 30)] {
            let gives = |seconds| {
                let now = ROTATED + Duration::seconds(seconds);
                session().gives_same_pair(now, Duration::minutes(minutes))
            };
            assert_eq!([gives(0), gives(last), gives(last + 1)], [true, true, false], "{minutes}");
        }
    }

    #[test]
    fn the_first_pair_is_given_again_until_it_is_used_or_refreshed() {
        let first = StoredSession { parent: None, ..session() };
        let gives = |session: &StoredSession, seconds| {
            session.gives_first_pair(ROTATED + Duration::seconds(seconds), Duration::minutes(5))
        };
        assert_eq!([gives(&first, 0), gives(&first, 60), gives(&first, 61)], [true, true, false]);
        assert!(!gives(&StoredSession { seen_at: Some(ROTATED), ..first }, 0));
        assert!(!gives(&session(), 0));
    }

    #[test]
    fn a_grandparent_is_reuse_at_once_and_the_live_token_is_live() {
        assert_eq!(judged(&session(), 1, 0), Standing::Reuse);
        assert_eq!(judged(&session(), 3, 0), Standing::Live);
        let first = StoredSession { parent: None, ..session() };
        assert_eq!(judged(&first, 2, 0), Standing::Reuse);
    }

    #[test]
    fn of_a_session_that_is_over_nothing_is_worth_anything() {
        let over = [
            StoredSession { revoked: true, ..session() },
            StoredSession { user_may_sign_in: false, ..session() },
            StoredSession { user: Uuid::from_u128(2), ..session() },
            StoredSession { idle_until: ROTATED, ..session() },
            StoredSession { expires_at: ROTATED, ..session() },
        ];
        for session in over {
            for generation in [1, 2, 3] {
                assert_eq!(judged(&session, generation, 0), Standing::Over);
            }
        }
    }
}
