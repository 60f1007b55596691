//! Which passwords may be chosen: long enough, and not among the first that anyone would guess. No
//! composition rules: they make passwords harder to remember and no harder to guess.

mod common;
mod personal;

use super::{Password, PasswordAttempt};
use personal::{MOST_AROUND, Words};

/// A text of so few runs and single characters is as easy to guess as they are.
const FEWEST_PIECES: usize = 4;
/// A shorter run counts as single characters.
const SHORTEST_RUN: usize = 3;
/// A text that repeats so few characters is as easy to guess as they are.
const LONGEST_REPEATED: usize = 4;

#[derive(Debug, Clone)]
pub struct PasswordPolicy {
    /// Code points, from 8.
    pub min_length: usize,
    /// Words that many users of this product would think of, such as its name.
    pub words: Vec<String>,
}

impl PasswordPolicy {
    /// `about` holds what others know about the owner: both forms of the address, and the names.
    ///
    /// # Errors
    /// The reason as a word: `too_short` or `too_common`. Common is a password of the list, a run, a
    /// repetition, and a password made of words about the owner or the product.
    pub fn accept(&self, chosen: &PasswordAttempt, about: &[&str]) -> Result<Password, &'static str> {
        let text = chosen.expose();
        if text.chars().count() < self.min_length {
            return Err("too_short");
        }
        let lower = text.to_lowercase();
        let known = Words::of(self.words.iter().map(String::as_str).chain(about.iter().copied()));
        if cores(&lower).any(common::contains)
            || pieces(&lower) < FEWEST_PIECES
            || is_repetition(&lower)
            || stem(&lower).is_some_and(is_repetition)
            || known.make_up(&lower)
        {
            return Err("too_common");
        }
        Ok(Password::new(text.to_owned()))
    }
}

/// Returns the text without digits and signs at both ends, if they are few.
fn stem(lower: &str) -> Option<&str> {
    let stem = lower.trim_matches(|c: char| !c.is_alphabetic());
    (lower.chars().count() - stem.chars().count() <= MOST_AROUND).then_some(stem)
}

/// Returns the text, and what remains of it without some of the digits and signs at its ends.
fn cores(lower: &str) -> impl Iterator<Item = &str> {
    let is_around = |c: &char| !c.is_alphabetic();
    let bytes = |chars: &mut dyn Iterator<Item = char>| {
        let around = chars.take_while(is_around).take(MOST_AROUND).map(char::len_utf8);
        let cut = around.scan(0, |sum, length| {
            *sum += length;
            Some(*sum)
        });
        [0].into_iter().chain(cut).collect::<Vec<usize>>()
    };
    let (before, behind) = (bytes(&mut lower.chars()), bytes(&mut lower.chars().rev()));
    let both = move |(left, start): (usize, usize)| {
        let few = behind.clone().into_iter().take(MOST_AROUND + 1 - left);
        few.filter_map(move |end| lower.get(start..lower.len().saturating_sub(end)))
    };
    before.into_iter().enumerate().flat_map(both)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::users::Email;

    fn accept(text: &str) -> Result<(), &'static str> {
        let policy = PasswordPolicy { min_length: 8, words: vec!["Acme Cloud".into()] };
        let attempt = PasswordAttempt::parse(text).expect("a possible password");
        policy.accept(&attempt, &["ada.lovelace@xn--mnchen-3ya.example", "Ada", "King-Noel"]).map(drop)
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
            // Digits and signs around an entry that has digits itself.
            "blink182!",
            "Blink1822024",
            "1blink182!",
        ] {
            assert_eq!(accept(text), Err("too_common"), "{text}");
        }
    }

    #[test]
    fn what_is_known_about_the_owner_or_the_product_is_refused() {
        for text in [
            "ada.lovelace",
            "Ada.Lovelace@xn--mnchen-3ya.example",
            "ada.lovelace1815",
            "lovelaceada",
            "LOVELACE2024!",
            "example123",
            "München!!",
            "mu\u{308}nchen1",
            "KingNoel99",
            "acmecloud",
            "Acme-Cloud-1",
            "ada@acme1",
        ] {
            assert_eq!(accept(text), Err("too_common"), "{text}");
        }
        for text in ["acme anvil on fire", "adamantine hinge", "lovelace1234567"] {
            assert_eq!(accept(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn words_about_the_owner_count_in_every_spelling() {
        let policy = PasswordPolicy { min_length: 8, words: Vec::new() };
        for address in
            ["straße@example.com", "strasse@example.com", "ada@οδυσσεύς.example", "ada@οδυσσεύσ.example"]
        {
            let email = Email::parse(address).expect("an address");
            let word = if address.starts_with("ada") { "Οδυσσεύς" } else { "Straße" };
            for text in [
                format!("{word}2024"),
                format!("{}!!", word.to_uppercase()),
                format!("{}12", word.to_lowercase()),
            ] {
                let attempt = PasswordAttempt::parse(&text).expect("a possible password");
                for about in [[email.typed(), email.canonical()], [email.typed(); 2]] {
                    assert_eq!(
                        policy.accept(&attempt, &about).err(),
                        Some("too_common"),
                        "{text} of {address}"
                    );
                }
            }
        }
    }

    #[test]
    fn length_counts_code_points_and_what_is_long_enough_and_rare_is_taken() {
        for text in [
            "correct horse battery",
            "üäöüäößx",
            "hunter2!hunter3",
            "rv194857",
            "abc7xyz9k",
            "🦀🐙🦑🐠🐡🐬🐳🐋",
        ] {
            assert_eq!(accept(text), Ok(()), "{text}");
        }
        assert_eq!(accept("üäöüäöß"), Err("too_short"));
        let strict = PasswordPolicy { min_length: 12, words: Vec::new() };
        let attempt = PasswordAttempt::parse("elevenchars").expect("a possible password");
        assert_eq!(strict.accept(&attempt, &[]).err(), Some("too_short"));
    }
}
