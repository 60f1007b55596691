//! What the rules share: their faults, and the form of names and blocks.

/// What is wrong, one sentence a fault: file and line, problem, remedy.
pub type Faults = Vec<String>;

/// Returns `UsersMe` for `users-me`.
pub fn pascal(stem: &str) -> String {
    let word = |word: &str| {
        word.split_at_checked(1).map_or(String::new(), |(first, rest)| first.to_uppercase() + rest)
    };
    stem.split('-').map(word).collect()
}

/// Returns the name of a setting's parameter: `RateLimitSignUpAddress` for `RATE_LIMIT_SIGN_UP_ADDRESS`.
pub fn parameter(setting: &str) -> String {
    pascal(&setting.to_ascii_lowercase().replace('_', "-"))
}

/// Indents each line that has text.
pub(super) fn indented(lines: &[&str], spaces: usize) -> String {
    let line = |line: &&str| {
        if line.is_empty() { "\n".to_owned() } else { format!("{:spaces$}{line}\n", "") }
    };
    lines.iter().map(line).collect()
}
