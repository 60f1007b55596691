//! Passwords made of words that others connect with the owner or with the product.

use unicode_normalization::UnicodeNormalization;

/// A common word stays common with so many digits or signs around it: a year, an exclamation mark.
pub(super) const MOST_AROUND: usize = 6;
/// A shorter word is part of too many others.
const SHORTEST: usize = 3;

/// Words in lower case, the longest first.
pub(super) struct Words(Vec<String>);

impl Words {
    /// Takes each text whole and in its parts: an address is its two halves, its labels, and the words
    /// between dots, hyphens and the like.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut words = Vec::new();
        for text in texts {
            let text = folded(&text.nfkc().collect::<String>().to_lowercase());
            words.extend(text.split('@').map(str::to_owned));
            for label in text.split(['@', '.']) {
                let readable = label.strip_prefix("xn--").and_then(idna::punycode::decode_to_string);
                words.extend(readable.map(|label| folded(&label)));
            }
            words.extend(text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
            words.push(text);
        }
        words.retain(|word| word.chars().count() >= SHORTEST);
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        Self(words)
    }

    /// Whether the text is nothing but these words, with a few digits and signs. Words that differ in the
    /// spelling of a sharp s or a final sigma are the same.
    pub(super) fn make_up(&self, lower: &str) -> bool {
        // A password has no NUL, so the gaps cannot become part of another word.
        let gaps = self.0.iter().fold(folded(lower), |rest, word| rest.replace(word.as_str(), "\0"));
        let rest: Vec<char> = gaps.chars().filter(|c| *c != '\0').collect();
        gaps.contains('\0') && rest.len() <= MOST_AROUND && !rest.iter().any(|c| c.is_alphabetic())
    }
}

fn folded(lower: &str) -> String {
    lower.replace('ß', "ss").replace('ς', "σ")
}
