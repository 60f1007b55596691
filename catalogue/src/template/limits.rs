//! The rate limits as parameters.

use app_core::config::LIMIT_SETTINGS;

use super::text::parameter;

/// Returns a parameter for each limit.
pub(super) fn parameters() -> String {
    let lines = |setting: &&str| {
        format!(
            "  {}:
    Type: String
    Default: ''
    AllowedPattern: '^([1-9][0-9]{{0,6}}/[1-9][0-9]{{0,6}})?$'
    ConstraintDescription: BURST/SECONDS as in 5/30, or nothing
",
            parameter(setting)
        )
    };
    LIMIT_SETTINGS.iter().map(lines).collect()
}
