//! Random spellings of random addresses. Seeded, so that a failure comes again.

use unicode_normalization::UnicodeNormalization;

use super::{Email, canonical};

const ADDRESSES: u64 = 2_000;
const SPELLINGS: usize = 12;
/// Letters of many scripts, with upper case, composed letters, both sigmas, Jamo, marks and signs.
const LOCAL: &[&str] = &[
    "a",
    "Z",
    "9",
    "ß",
    "ss",
    "ς",
    "σ",
    "Σ",
    "é",
    "Ñ",
    "ö",
    "한",
    "국",
    "が",
    "प",
    "र्क",
    "ы",
    "ﬁ",
    "İ",
    "+",
    "_",
    ".",
];
const LABELS: &[&str] =
    &["example", "münchen", "straße", "strasse", "한국", "παράδειγμα", "डाटामेल", "ガイド", "é-ö", "r3---sn"];

/// xorshift64*: good enough to mix spellings.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(random).expect("31 bits") % end
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

fn address(dice: &mut Dice) -> String {
    let local: String = (0..=dice.below(6)).map(|_| dice.pick(LOCAL)).collect();
    let labels: Vec<&str> = (0..=dice.below(2)).map(|_| dice.pick(LABELS)).collect();
    format!("{local}@{}.example", labels.join("."))
}

/// Letters as a keyboard, an editor or another program may write them.
fn letters(dice: &mut Dice, text: &str) -> String {
    match dice.below(6) {
        0 => text.nfd().collect(),
        1 => text.nfkd().collect(),
        2 => text.nfc().collect(),
        // The upper case of a sharp s is SS, which is another domain for a browser.
        3 if !text.contains('ß') => text.to_uppercase(),
        4 => text.chars().map(|c| if dice.below(2) == 0 { wide(c) } else { c }).collect(),
        _ => text.to_owned(),
    }
}

fn wide(c: char) -> char {
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
    if c.is_ascii_alphanumeric() { wide(c) } else { c }
}

fn spelling(dice: &mut Dice, address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').expect("two parts");
    let local = match dice.below(4) {
        0 => local.replace('ß', "ss"),
        1 => local.replace('ς', "σ"),
        2 => local.to_uppercase(),
        _ => local.to_owned(),
    };
    let domain = match dice.below(4) {
        0 => canonical::domain(domain).expect("a domain").to_uppercase(),
        1 => canonical::domain(domain).expect("a domain"),
        _ => domain.to_owned(),
    };
    let (before, behind) = (["", " ", "\n"][dice.below(3)], ["", "\t"][dice.below(2)]);
    format!("{before}{}@{}{behind}", letters(dice, &local), letters(dice, &domain))
}

#[test]
fn all_spellings_of_an_address_have_one_canonical_form() {
    let mut checked = 0;
    for seed in 1..=ADDRESSES {
        let dice = &mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let address = address(dice);
        // A dot at an end, or a mark behind a dot.
        let Ok(email) = Email::parse(&address) else { continue };
        assert_eq!(Email::parse(email.canonical()).as_ref(), Ok(&email), "seed {seed}: {address:?}");
        for _ in 0..SPELLINGS {
            let text = spelling(dice, &address);
            // What a spelling lengthens may be too long.
            let Ok(other) = Email::parse(&text) else {
                assert!(text.len() > 64, "seed {seed}: {text:?} of {address:?}");
                continue;
            };
            assert_eq!(other.canonical(), email.canonical(), "seed {seed}: {text:?} of {address:?}");
            assert_eq!(Email::parse(other.typed()).as_ref(), Ok(&email), "seed {seed}: {text:?}");
            // An old row of the one spelling is found by the other one.
            let stored = super::rough(&text.trim().to_lowercase());
            assert!(email.rough_forms().contains(&stored), "seed {seed}: {text:?} of {address:?}");
            checked += 1;
        }
    }
    assert!(checked > 10_000, "only {checked} spellings were checked");
}
