use super::*;

fn passwords() -> Passwords {
    Passwords::new(PasswordsConfig::default())
}

fn attempt(text: &str) -> PasswordAttempt {
    PasswordAttempt::parse(text).expect("a possible password")
}

async fn verified(text: &str, hash: &str) -> Result<Match> {
    passwords().verify(&attempt(text), Some(&PasswordHash::new(hash.to_owned()))).await
}

#[tokio::test]
async fn a_password_verifies_against_its_own_hash_only() {
    let passwords = passwords();
    let hash = passwords.renew(&attempt("correct horse battery")).await.expect("hash");
    assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
    let verify = async |text: &str, hash| passwords.verify(&attempt(text), hash).await.expect("verify");
    assert_eq!(verify("correct horse battery", Some(&hash)).await, Match::Yes);
    assert_eq!(verify("correct horse batterz", Some(&hash)).await, Match::No);
    assert_eq!(verify("correct horse battery", None).await, Match::No);
}

#[tokio::test]
async fn one_password_hashes_differently_each_time() {
    let passwords = passwords();
    let first = passwords.renew(&attempt("correct horse battery")).await.expect("hash");
    let second = passwords.renew(&attempt("correct horse battery")).await.expect("hash");
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_hash_by_another_implementation_verifies_and_is_outdated_by_its_length() {
    // The reference command line: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24 -e
    let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert!(matches!(verified("password", known).await, Ok(Match::Yes | Match::Outdated)));
    assert!(matches!(verified("passwore", known).await, Ok(Match::No)));
}

#[tokio::test]
async fn a_hash_of_less_work_is_right_and_outdated() {
    let cheap = Passwords::new(PasswordsConfig { memory_kib: 8192, passes: 1, ..PasswordsConfig::default() });
    let hash = cheap.renew(&attempt("correct horse battery")).await.expect("hash");
    let dear = passwords();
    let verify = async |text: &str| dear.verify(&attempt(text), Some(&hash)).await.expect("verify");
    assert_eq!(verify("correct horse battery").await, Match::Outdated);
    assert_eq!(verify("correct horse batterz").await, Match::No);
}

#[test]
fn what_a_cheap_hash_lacks_is_as_much_work_in_no_more_memory() {
    let cost = |memory_kib, passes| Cost::of(PasswordsConfig { memory_kib, passes, ..Default::default() });
    for (stored, today, missing) in [
        (cost(19_456, 2), cost(19_456, 2), None),
        (cost(19_456, 2), cost(19_456, 3), Some(cost(19_456, 1))),
        (cost(8_192, 1), cost(19_456, 2), Some(cost(15_360, 2))),
        (cost(65_536, 1), cost(19_456, 2), None),
        (cost(19_456, 2), cost(19_457, 2), None),
    ] {
        assert_eq!(stored.missing_to(today), missing, "{stored:?} {today:?}");
    }
}

#[tokio::test]
async fn a_bcrypt_hash_counts_the_first_72_bytes_as_they_were_typed() {
    // Made by the prototype's library: bcrypt.hashpw(text, bcrypt.gensalt(4)).
    let long = "é".repeat(36);
    let hash = bcrypt::hash(&long, 4).expect("a hash");
    for (text, expected) in [
        (long.clone(), Match::Outdated),
        // Right, and must not be renewed: bcrypt ignores the rest, which may contain a typing error.
        (format!("{long}and what follows"), Match::Yes),
        ("e\u{301}".repeat(24), Match::No),
        ("é".repeat(35), Match::No),
    ] {
        assert_eq!(verified(&text, &hash).await.expect("verify"), expected, "{text}");
    }
}

#[tokio::test]
async fn what_asks_for_gigabytes_minutes_or_is_no_hash_is_nobodys_password() {
    for hash in [
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=19456,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2b$31$abcdefghijklmnopqrstuuSMnLpO2xRgMVVZVWNyZMzKQbhUEXK9S",
        "$2b$12$short",
        "plain text",
        "",
    ] {
        assert_eq!(verified("password", hash).await.expect("a response"), Match::No, "{hash}");
    }
}
