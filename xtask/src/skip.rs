//! What a test or a command does when this machine lacks something that it needs.

use std::io::Write as _;

use anyhow::{Result, bail};

/// Says on stderr what is left out, why, and what to install. In CI it is an error instead, so that a run
/// there never passes by leaving something out.
///
/// # Errors
/// When the variable `CI` is set, as build servers do.
pub fn skip(left_out: &str, why: &str, remedy: &str) -> Result<()> {
    refuse(std::env::var("CI").ok().as_deref(), left_out, why, remedy)?;
    // Not by a macro of printing: the tests' harness keeps that to itself.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {left_out}: {why}. {remedy}\n");
    Ok(())
}

fn refuse(ci: Option<&str>, left_out: &str, why: &str, remedy: &str) -> Result<()> {
    if !matches!(ci, None | Some("" | "0" | "false")) {
        bail!("{left_out} cannot be skipped, because CI is set: {why}. {remedy}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_ci_nothing_is_skipped() {
        let refused =
            |ci| refuse(ci, "tests of Valkey", "no server", "Install one").map_err(|e| e.to_string());
        for ci in ["true", "1", "github"] {
            let expected = "tests of Valkey cannot be skipped, because CI is set: no server. Install one";
            assert_eq!(refused(Some(ci)), Err(expected.to_owned()), "{ci}");
        }
        for ci in [None, Some(""), Some("false"), Some("0")] {
            assert_eq!(refused(ci), Ok(()), "{ci:?}");
        }
    }
}
