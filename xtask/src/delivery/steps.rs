//! The order of a deployment, and what an error in it means.

use anyhow::Result;

/// What a deployment consists of.
pub trait Steps {
    /// Looks for faults. Returns whether nothing is deployed yet.
    fn check(&mut self) -> Result<bool>;
    /// Builds the functions, unless the caller has built them.
    fn build(&mut self) -> Result<()>;
    /// Asks what would change, and a person whether it may.
    fn propose(&mut self) -> Result<()>;
    /// Migrates the schema, with the new code of the function `migrate`, which an update has brought or not.
    fn migrate(&mut self, is_updated: bool) -> Result<()>;
    /// Updates all functions.
    fn update(&mut self) -> Result<()>;
    /// Calls the API.
    fn smoke(&mut self) -> Result<()>;
}

/// Deploys. Nothing follows a step that fails.
///
/// The new code needs the new schema, so migrations run first, while the earlier code still works. Before the first
/// deployment there is no function that could run them. `migrate_last` is for a function that cannot run them before
/// the update, because its present environment is wrong.
pub fn deploy(steps: &mut dyn Steps, migrate_last: bool) -> Result<()> {
    let update_first = steps.check()? || migrate_last;
    steps.build()?;
    steps.propose()?;
    if update_first {
        steps.update()?;
        steps.migrate(update_first)?;
    } else {
        steps.migrate(update_first)?;
        steps.update()?;
    }
    steps.smoke()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    /// Notes the steps that it is asked for, and fails at one of them.
    struct Note {
        is_first: bool,
        migrates_last: bool,
        fails: &'static str,
        done: Vec<&'static str>,
    }

    impl Note {
        fn step(&mut self, name: &'static str) -> Result<()> {
            self.done.push(name);
            if self.fails == name {
                bail!("{name} failed");
            }
            Ok(())
        }
    }

    impl Steps for Note {
        fn check(&mut self) -> Result<bool> {
            self.step("check").map(|()| self.is_first)
        }
        fn build(&mut self) -> Result<()> {
            self.step("build")
        }
        fn propose(&mut self) -> Result<()> {
            self.step("propose")
        }
        fn migrate(&mut self, is_updated: bool) -> Result<()> {
            assert_eq!(is_updated, self.is_first || self.migrates_last);
            self.step("migrate")
        }
        fn update(&mut self) -> Result<()> {
            self.step("update")
        }
        fn smoke(&mut self) -> Result<()> {
            self.step("smoke")
        }
    }

    const LATER: [&str; 6] = ["check", "build", "propose", "migrate", "update", "smoke"];
    const FIRST: [&str; 6] = ["check", "build", "propose", "update", "migrate", "smoke"];

    #[test]
    fn the_schema_is_migrated_before_the_functions_change_unless_that_is_impossible() {
        for (is_first, migrates_last, order) in
            [(false, false, LATER), (true, false, FIRST), (false, true, FIRST)]
        {
            let mut note = Note { is_first, migrates_last, fails: "", done: Vec::new() };
            assert!(deploy(&mut note, migrates_last).is_ok());
            assert_eq!(note.done, order);
        }
    }

    #[test]
    fn nothing_follows_a_step_that_fails() {
        for (is_first, order) in [(false, LATER), (true, FIRST)] {
            for (at, fails) in order.into_iter().enumerate() {
                let mut note = Note { is_first, migrates_last: false, fails, done: Vec::new() };
                let error = deploy(&mut note, false).map_err(|error| error.to_string());
                assert_eq!(error, Err(format!("{fails} failed")));
                assert_eq!(note.done, order[..=at]);
            }
        }
    }
}
