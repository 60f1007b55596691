//! The rate limits as parameters.

use app_core::config::LIMIT_SETTINGS;

/// Returns a parameter for each limit.
pub(super) fn parameters() -> String {
    let parameter = |setting: &&str| {
        format!(
            "  {}:
    Type: String
    Default: ''
    AllowedPattern: '^([1-9][0-9]{{0,6}}/[1-9][0-9]{{0,6}})?$'
    ConstraintDescription: BURST/SECONDS as in 5/30, or nothing
",
            name(setting)
        )
    };
    LIMIT_SETTINGS.iter().map(parameter).collect()
}

/// Returns `RateLimitSignUpAddress` for `RATE_LIMIT_SIGN_UP_ADDRESS`.
fn name(setting: &str) -> String {
    super::text::pascal(&setting.to_ascii_lowercase().replace('_', "-"))
}
