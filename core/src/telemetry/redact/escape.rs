//! Escapes of JSON. A line is JSON, and a text in it may hold JSON again, whose escapes then stand behind several
//! backslashes.

/// Returns how many bytes belong together at the beginning of a text: an escape is one piece.
pub(super) fn unit(text: &[u8]) -> usize {
    match text {
        [b'\\', b'u', hex @ ..] if hex.len() >= 4 && hex[..4].iter().all(u8::is_ascii_hexdigit) => 6,
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
        _ => 1,
    }
}

/// Returns whether a word can begin behind this text. The last letters of an escape are no part of the word: the
/// text `\u001apassword=…` holds the word `password`.
pub(super) fn ends_before_word(text: &[u8]) -> bool {
    match text {
        [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't'] => true,
        [.., b'\\', b'u', a, b, c, d] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) => true,
        [.., last] => !last.is_ascii_alphanumeric() && *last != b'_',
        [] => true,
    }
}

/// Returns the text without the blanks at its beginning, also without line breaks and tabs that are escaped.
pub(super) fn trim_start(text: &str) -> &str {
    let text = text.trim_start();
    match text.trim_start_matches('\\').strip_prefix(['n', 'r', 't']) {
        Some(rest) if text.starts_with('\\') => trim_start(rest),
        _ => text,
    }
}
