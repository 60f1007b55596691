//! Which passwords may be chosen: long enough, and not among the first that anyone would guess. No
//! composition rules: they make passwords harder to remember and no harder to guess.

use super::{Email, Password, PasswordAttempt};

/// One a line, sorted, in lower case: what breached lists begin with (words, names, teams, keyboard
/// runs and walks).
const COMMON: &str = include_str!("common_passwords.txt");

/// A common word stays one with so many digits or signs around it: a year, an exclamation mark.
const MOST_AROUND: usize = 6;
/// A text of so few runs and single characters is as easy to guess as they are.
const FEWEST_PIECES: usize = 4;
/// A shorter one is no run, but single characters.
const SHORTEST_RUN: usize = 3;
/// A text that is so few characters over and over is as easy to guess as they are.
const LONGEST_REPEATED: usize = 4;

#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// Code points, from 8.
    pub min_length: usize,
}

impl PasswordPolicy {
    /// # Errors
    /// The reason as a word: `too_short` or `too_common` (in the list, a run, a repetition, or the
    /// account's own address).
    pub fn accept(self, chosen: &PasswordAttempt, email: Option<&Email>) -> Result<Password, &'static str> {
        let text = chosen.expose();
        if text.chars().count() < self.min_length {
            return Err("too_short");
        }
        let lower = text.to_lowercase();
        let stem = stem(&lower);
        if COMMON.lines().any(|line| line == lower || Some(line) == stem)
            || pieces(&lower) < FEWEST_PIECES
            || is_repetition(&lower)
            || stem.is_some_and(is_repetition)
            || email.is_some_and(|e| is_of(e, &lower))
        {
            return Err("too_common");
        }
        Ok(Password::new(text.to_owned()))
    }
}

/// The text without the digits and signs at both ends, if they are few.
fn stem(lower: &str) -> Option<&str> {
    let stem = lower.trim_matches(|c: char| !c.is_alphabetic());
    (lower.chars().count() - stem.chars().count() <= MOST_AROUND).then_some(stem)
}

/// Of how many runs (`12345`, `gfed`, `aaa`) and single characters between them the text consists:
/// `123654789` is three.
fn pieces(lower: &str) -> usize {
    let codes: Vec<i64> = lower.chars().map(|c| i64::from(u32::from(c))).collect();
    let (mut pieces, mut rest) = (0, &codes[..]);
    while !rest.is_empty() {
        let run = |step| 1 + rest.windows(2).take_while(|pair| pair[1] - pair[0] == step).count();
        let longest = [1, 0, -1].map(run).into_iter().max().unwrap_or(1);
        rest = &rest[if longest < SHORTEST_RUN { 1 } else { longest }..];
        pieces += 1;
    }
    pieces
}

/// `abababab`, `abcabcabc`.
fn is_repetition(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let all = |length: usize| chars.windows(length + 1).all(|window| window[0] == window[length]);
    (1..=LONGEST_REPEATED).any(|length| chars.len() >= 2 * length && all(length))
}

/// The address itself, or what stands before its `@`.
fn is_of(email: &Email, lower: &str) -> bool {
    let address = email.as_str();
    lower == address || address.rsplit_once('@').is_some_and(|(local, _)| lower == local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Result<(), &'static str> {
        let email = Email::parse("ada.lovelace@example.com").expect("an address");
        let attempt = PasswordAttempt::parse(text).expect("a possible password");
        PasswordPolicy { min_length: 8 }.accept(&attempt, Some(&email)).map(drop)
    }

    #[test]
    fn the_list_is_sorted_and_in_lower_case() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() > 2000, "{}", lines.len());
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(lines.iter().all(|line| line.chars().count() >= 3 && line.to_lowercase() == *line));
    }

    #[test]
    fn what_anyone_would_guess_is_refused() {
        for text in [
            "password",
            "PASSWORD",
            "Password1",
            "password123",
            "Summer2026!",
            "welcome@123",
            "qwertyuiop",
            "iloveyou",
            "12345678",
            "87654321",
            "abcdefgh",
            "aaaaaaaa",
            "abcabcabc",
            "testtest",
            "ｐａｓｓｗｏｒｄ",
            "12345678a",
            "123456789a",
            "1234567891",
            "12345678910",
            "123654789",
            "222333444",
            "a12345678",
            "aa12345678",
            "asd123456",
            "abcdefg1",
            "abcdefg123",
            "aaaa1111",
            "1234567a",
            "!QAZ2wsx",
            "1qaz!QAZ",
            "q1w2e3r4t5y6",
            "woaini1314",
            "tinkerbell",
            "godisgood",
            "blink182",
            "contraseña",
            "!password",
            "123password!",
            "xyxyxyxy12",
            "ada.lovelace",
            "Ada.Lovelace@example.com",
        ] {
            assert_eq!(accept(text), Err("too_common"), "{text}");
        }
    }

    #[test]
    fn length_counts_code_points_and_what_is_long_enough_and_rare_is_taken() {
        for text in [
            "correct horse battery",
            "üäöüäößx",
            "hunter2!hunter3",
            "ada.lovelace1815",
            "rv194857",
            "abc7xyz9k",
            "🦀🐙🦑🐠🐡🐬🐳🐋",
        ] {
            assert_eq!(accept(text), Ok(()), "{text}");
        }
        assert_eq!(accept("üäöüäöß"), Err("too_short"));
        let strict = PasswordPolicy { min_length: 12 };
        let attempt = PasswordAttempt::parse("elevenchars").expect("a possible password");
        assert_eq!(strict.accept(&attempt, None).err(), Some("too_short"));
    }
}
