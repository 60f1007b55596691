//! How often something may happen: so many at once, then one more each while.

use std::time::Duration;

/// Written `burst/seconds`: `5/30` is five at once, then one each 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// From 1.
    pub burst: u32,
    /// From 1 ms; how long one use takes to come back.
    pub every: Duration,
}

impl Limit {
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }

    /// `None` unless it is two whole numbers from 1, at most a million tries and a week.
    pub fn parse(text: &str) -> Option<Self> {
        let (burst, seconds) = text.split_once('/')?;
        let (burst, seconds) = (burst.parse().ok()?, seconds.parse().ok()?);
        let sane = (1..=1_000_000).contains(&burst) && (1..=604_800).contains(&seconds);
        sane.then(|| Self::new(burst, Duration::from_secs(seconds)))
    }

    /// How far ahead of the clock the uses may run.
    pub fn window(self) -> Duration {
        self.every * self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_two_numbers() {
        assert_eq!(Limit::parse("5/30"), Some(Limit::new(5, Duration::from_secs(30))));
        assert_eq!(Limit::new(10, Duration::from_secs(6)).window(), Duration::from_secs(60));
        for text in
            ["", "5", "5/", "/30", "0/30", "5/0", "5/30/1", "-5/30", "5 / 30", "1000001/1", "1/604801"]
        {
            assert_eq!(Limit::parse(text), None, "{text}");
        }
    }
}
