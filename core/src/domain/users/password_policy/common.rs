//! The list of common passwords: words, names, teams, walks over the keyboard, and the beginning of
//! two public rankings. `cargo xtask passwords` writes it.

use std::cmp::Ordering;

/// One password a line, in lower case, sorted by its bytes. Entries of less than eight characters are
/// there for the digits and signs that people put around them.
const LIST: &str = include_str!("common.txt");

pub(super) fn contains(word: &str) -> bool {
    let (bytes, mut low, mut high) = (LIST.as_bytes(), 0, LIST.len());
    let is_end = |byte: &u8| *byte == b'\n';
    while low < high {
        let middle = low + (high - low) / 2;
        let start = bytes[low..middle].iter().rposition(is_end).map_or(low, |place| low + place + 1);
        let end = bytes[middle..].iter().position(is_end).map_or(bytes.len(), |place| middle + place);
        match bytes[start..end].cmp(word.as_bytes()) {
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
            Ordering::Equal => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_in_lower_case() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.len() > 10_000, "{}", lines.len());
        assert!(lines.windows(2).all(|pair| pair[0].as_bytes() < pair[1].as_bytes()));
        assert!(lines.iter().all(|line| line.chars().count() >= 3 && line.to_lowercase() == *line));
    }

    #[test]
    fn every_line_is_found_and_nothing_else() {
        assert!(LIST.lines().all(contains));
        for word in ["", "\n", "passwordx", "passw\n", "zzzzzzzzzzzz", "!", "password\n", "\u{10ffff}"] {
            assert!(!contains(word), "{word:?}");
        }
    }
}
