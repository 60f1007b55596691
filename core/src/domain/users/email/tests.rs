use super::Email;

fn canonical(text: &str) -> Result<String, &'static str> {
    Email::parse(text).map(|email| email.canonical().to_owned())
}

#[test]
fn spellings_of_one_address_have_one_form() {
    for (text, expected) in [
        ("  Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
        ("ada@münchen.de", "ada@xn--mnchen-3ya.de"),
        ("ada@MÜNCHEN.de", "ada@xn--mnchen-3ya.de"),
        ("ada@XN--MNCHEN-3YA.de", "ada@xn--mnchen-3ya.de"),
        ("ada@mu\u{308}nchen.de", "ada@xn--mnchen-3ya.de"),
        ("ada@ｅxample.com", "ada@example.com"),
        ("ada@example。com", "ada@example.com"),
        ("ａｄａ@example.com", "ada@example.com"),
        ("a\u{ad}da@example.com", "ada@example.com"),
        ("\u{1112}\u{1161}\u{11ab}@example.com", "한@example.com"),
        ("Ὀδυσσεύς@example.gr", "ὀδυσσεύσ@example.gr"),
        ("ΣΊΣΥΦΟΣ@example.gr", "σίσυφοσ@example.gr"),
        ("straße@example.de", "strasse@example.de"),
        ("STRAẞE@example.de", "strasse@example.de"),
        // Browsers keep these two domains apart.
        ("ada@straße.de", "ada@xn--strae-oqa.de"),
        ("ada@strasse.de", "ada@strasse.de"),
        ("संपर्क@डाटामेल.भारत", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"),
        // ZWJ behind a virama, ZWNJ between letters that would join.
        ("क्\u{200d}ष@example.com", "क्\u{200d}ष@example.com"),
        ("نامه\u{200c}ای@example.com", "نامه\u{200c}ای@example.com"),
        ("ada@r3---sn.example.com", "ada@r3---sn.example.com"),
    ] {
        assert_eq!(canonical(text).as_deref(), Ok(expected), "{text:?}");
        assert_eq!(canonical(expected).as_deref(), Ok(expected), "{expected:?}");
    }
}

#[test]
fn every_character_has_a_form_that_stays() {
    // The planes beyond have no characters but private ones.
    for c in '\0'..='\u{3ffff}' {
        for text in [format!("a{c}b@example.com"), format!("{c}@example.com"), format!("a@b{c}.example")] {
            if let Ok(email) = Email::parse(&text) {
                let (typed, once) = (email.typed(), email.canonical());
                assert_eq!(canonical(once).as_deref(), Ok(once), "{text:?}");
                if typed != once {
                    let again =
                        Email::parse(typed).map(|again| (again.typed() == typed, again.canonical() == once));
                    assert_eq!(again, Ok((true, true)), "{text:?}");
                }
                // A row of this form is in the index under the same text, with and without its identity.
                assert_eq!(super::canonical::rough(once), once, "{text:?}");
            }
        }
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "a b@example.com",
        "ada@exa mple.com",
        "a..b@example.com",
        ".a@example.com",
        "ada@-example.com",
        "ada@example.com\0",
        "a\0da@example.com",
        "ada@example..com",
        "ada@example.com.",
        "ada@exa_mple.com",
        // IP addresses, however they are written.
        "a@127.0.0.1",
        "a@127.1",
        "a@１２７.0.0.1",
        "a@0x7f.0x1",
        "a@[127.0.0.1]",
        // Not Punycode, and not the form that Punycode has.
        "a@xn--zz.de",
        "a@xn--a.de",
        // A mark at the start of a part: one that is no letter, one that counts as a letter.
        "\u{301}ada@example.com",
        "\u{93e}ada@example.com",
        "ada.\u{903}b@example.com",
        // A sign that is a word in its canonical form, but part of no mailbox.
        "℡@example.com",
        // Joiners between Latin letters, a direction, a replacement character.
        "a\u{200d}da@example.com",
        "a\u{200c}da@example.com",
        "ada\u{202e}moc@example.com",
        "caf\u{fffd}@example.com",
        "ada@caf\u{fffd}.example",
        "a＠b@example.com",
    ] {
        assert_eq!(canonical(text), Err("format"), "{text:?}");
    }
}

#[test]
fn both_the_typed_and_the_canonical_form_have_at_most_128_characters() {
    let address =
        |length: usize| format!("a@{}.{}.{}", "b".repeat(60), "c".repeat(60), "d".repeat(length - 124));
    assert!(Email::parse(&address(128)).is_ok());
    assert_eq!(canonical(&address(129)), Err("too_long"));
    let longer_in_ascii = format!("a@{}.de", ["日本語日本語日本語"; 8].join("."));
    assert!(longer_in_ascii.chars().count() < 128);
    assert_eq!(canonical(&longer_in_ascii), Err("too_long"));
}

#[test]
fn the_typed_form_is_what_its_owner_wrote() {
    for (text, expected) in [
        ("  Ada.Lovelace@Example.COM ", "Ada.Lovelace@Example.COM"),
        ("Straße@MÜNCHEN.de", "Straße@MÜNCHEN.de"),
        ("οδυσσεύς@example.gr", "οδυσσεύς@example.gr"),
        ("ada@xn--mnchen-3ya.de", "ada@xn--mnchen-3ya.de"),
        // NFC.
        ("Zoe\u{308}@example.com", "Zoë@example.com"),
        ("\u{1112}\u{1161}\u{11ab}@example.com", "한@example.com"),
        // Not NFKC: Thai is written with this vowel.
        ("น้ำ@example.com", "น้ำ@example.com"),
        // What a keyboard or a copied text adds.
        ("ａｄａ@ｅxample.com", "ada@example.com"),
        ("a\u{ad}da@example.com", "ada@example.com"),
        ("क्\u{200d}ष@example.com", "क्\u{200d}ष@example.com"),
    ] {
        assert_eq!(
            Email::parse(text).map(|email| email.typed().to_owned()).as_deref(),
            Ok(expected),
            "{text:?}"
        );
    }
}

/// Addresses that public reports used to take over accounts. Each is another account's identity only if it
/// is the same text for every reader.
#[test]
fn letters_that_look_alike_are_not_one_address() {
    let mike = canonical("mike@example.org");
    // A dotless i becomes I in upper case.
    assert_ne!(canonical("m\u{131}ke@example.org"), mike);
    assert_ne!(canonical("mike@g\u{131}thub.com"), canonical("mike@github.com"));
    // Cyrillic letters.
    assert_ne!(canonical("\u{43c}ike@example.org"), mike);
    assert_ne!(canonical("mike@ex\u{430}mple.org"), mike);
    // The sign for kelvin is a K, and is stored as one.
    let kelvin = Email::parse("mi\u{212a}e@example.org").expect("an address");
    assert_eq!((kelvin.typed(), Ok(kelvin.canonical().to_owned())), ("miKe@example.org", mike));
}

#[test]
fn debug_does_not_show_the_mailbox() {
    assert_eq!(Email::parse("ada@example.com").map(|e| format!("{e:?}")), Ok("a***@example.com".into()));
}
