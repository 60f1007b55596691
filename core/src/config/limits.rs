//! All rate limits and their defaults for each launch mode.
//!
//! A new limit is a variant and a line of `TABLE`, its use in `application/limits.rs`, a line in
//! .env.example, and a variable in the function.yaml of each function that uses it. `cargo xtask template` makes
//! its parameter in template.yaml.

use std::time::Duration;

use super::{LaunchMode, reader::Reader};
use crate::domain::rate_limit::Limit;

/// What is limited, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Tries to sign in, for each network address.
    SignInAddress,
    /// Tries to sign in, for each pair of account and address.
    SignInAccount,
    /// Failed tries to sign in, for each account, from anywhere, until one succeeds.
    SignInFailures,
    /// Tries to sign in, for each account, from all places where its user has signed in lately.
    SignInKnown,
    /// Sign-ups, for each network address.
    SignUpAddress,
    /// Tries to change the password, for each pair of user and address.
    PasswordChange,
    /// The same for each user, from anywhere.
    PasswordChangeUser,
    /// Asks for a link or a code by mail, for each network address.
    AskAddress,
    /// Asks for a code to sign in with, for each network address.
    CodeAddress,
    /// Asks for any link or code, for each pair of e-mail address or number and network address; and from one place
    /// where its user has signed in lately.
    AskSubjectHere,
    /// The same, for each e-mail address or number, from all places where its user has not signed in lately.
    AskSubject,
    /// The same, over a longer time.
    AskSubjectDay,
    /// Links and codes that are sent back, for each network address.
    RedeemAddress,
}

const COUNT: usize = 13;

/// What, its setting, and its default in PROD: so many at once, then one each so many seconds.
const TABLE: [(Limited, &str, Limit); COUNT] = [
    (Limited::SignInAddress, "RATE_LIMIT_SIGN_IN_ADDRESS", limit(10, 6)),
    (Limited::SignInAccount, "RATE_LIMIT_SIGN_IN_ACCOUNT", limit(5, 30)),
    (Limited::SignInFailures, "RATE_LIMIT_SIGN_IN_FAILURES", limit(100, 30)),
    (Limited::SignInKnown, "RATE_LIMIT_SIGN_IN_KNOWN", limit(100, 30)),
    (Limited::SignUpAddress, "RATE_LIMIT_SIGN_UP_ADDRESS", limit(5, 720)),
    (Limited::PasswordChange, "RATE_LIMIT_PASSWORD_CHANGE", limit(5, 30)),
    (Limited::PasswordChangeUser, "RATE_LIMIT_PASSWORD_CHANGE_USER", limit(20, 60)),
    (Limited::AskAddress, "RATE_LIMIT_ASK_ADDRESS", limit(10, 360)),
    (Limited::CodeAddress, "RATE_LIMIT_CODE_ADDRESS", limit(30, 120)),
    (Limited::AskSubjectHere, "RATE_LIMIT_ASK_SUBJECT_HERE", limit(3, 1_200)),
    (Limited::AskSubject, "RATE_LIMIT_ASK_SUBJECT", limit(6, 600)),
    (Limited::AskSubjectDay, "RATE_LIMIT_ASK_SUBJECT_DAY", limit(20, 4_320)),
    (Limited::RedeemAddress, "RATE_LIMIT_REDEEM_ADDRESS", limit(30, 2)),
];

/// The names of the settings, from which template.yaml gets its parameters.
pub const SETTINGS: [&str; COUNT] = {
    let (mut names, mut place) = ([""; COUNT], 0);
    while place < COUNT {
        names[place] = TABLE[place].1;
        place += 1;
    }
    names
};

/// In LOCAL everyone comes from one address. TEST may be reachable by strangers, so it has PROD's limits.
const RELAXED: Limit = limit(1_000_000, 1);

const fn limit(burst: u32, seconds: u64) -> Limit {
    Limit::new(burst, Duration::from_secs(seconds))
}

#[derive(Debug, Clone)]
pub struct LimitsConfig {
    limits: [Limit; COUNT],
}

impl LimitsConfig {
    /// The defaults of a launch mode.
    pub fn new(mode: LaunchMode) -> Self {
        let relaxed = mode == LaunchMode::Local;
        Self { limits: TABLE.map(|(_, _, limit)| if relaxed { RELAXED } else { limit }) }
    }

    pub fn of(&self, limited: Limited) -> Limit {
        self.limits[limited as usize]
    }

    pub fn set(&mut self, limited: Limited, limit: Limit) {
        self.limits[limited as usize] = limit;
    }
}

pub(super) fn read(env: &mut Reader<'_>, mode: LaunchMode) -> LimitsConfig {
    let mut config = LimitsConfig::new(mode);
    for (limited, setting, _) in TABLE {
        match env.optional(setting).map(|text| Limit::parse(&text)) {
            None => {}
            Some(Some(limit)) => config.set(limited, limit),
            Some(None) => {
                env.wrong(setting, "must be BURST/SECONDS, as in 5/30: five at once, then one each 30 s")
            }
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_its_names() {
        for (place, (limited, _, _)) in TABLE.into_iter().enumerate() {
            assert_eq!(limited as usize, place);
        }
    }

    #[test]
    fn only_a_local_run_is_relaxed() {
        let of = |mode| LimitsConfig::new(mode).of(Limited::SignInAccount);
        assert_eq!(of(LaunchMode::Prod), limit(5, 30));
        assert_eq!(of(LaunchMode::Test), limit(5, 30));
        assert_eq!(of(LaunchMode::Local), RELAXED);
    }
}
