//! Prints which share of a ranking of passwords would be accepted: `-- FILE`, one password a line, the
//! most common first. Lines that begin with `#!` are comments.

use app_core::domain::users::{PasswordAttempt, PasswordPolicy};

fn main() -> std::io::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_default();
    let bytes = std::fs::read(file)?;
    let ranking = String::from_utf8_lossy(&bytes);
    let policy = PasswordPolicy { min_length: 8, words: Vec::new() };
    let long: Vec<&str> =
        ranking.lines().filter(|line| !line.starts_with("#!") && line.chars().count() >= 8).collect();
    for first in [1_000, 3_000, 10_000] {
        let asked = &long[..first.min(long.len())];
        let is_accepted =
            |text: &&&str| PasswordAttempt::parse(text).is_ok_and(|a| policy.accept(&a, &[]).is_ok());
        let accepted = asked.iter().filter(is_accepted).count();
        println!("first {} of at least 8 characters: {accepted} accepted", asked.len());
    }
    Ok(())
}
