//! How long a task waits between its attempts.

use std::time::Duration;

/// With [`exponential`] gaps these attempts last at least three days and at most a week.
pub const FOR_DAYS: i32 = 160;

pub type Backoff = fn(attempt: i32) -> Duration;

/// 10 seconds, 20, 40 … at most an hour.
pub fn exponential(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(16);
    Duration::from_secs((10 << doublings).min(3600))
}

#[cfg(test)]
mod tests {
    use super::{FOR_DAYS, exponential};

    #[test]
    fn gaps_grow_up_to_an_hour() {
        let gaps: Vec<u64> = [1, 2, 3, 9, 10, 1000].map(|n| exponential(n).as_secs()).to_vec();
        assert_eq!(gaps, [10, 20, 40, 2560, 3600, 3600]);
    }

    #[test]
    fn a_task_that_waits_for_the_outside_is_tried_for_days() {
        let longest: u64 = (1..FOR_DAYS).map(|attempt| exponential(attempt).as_secs()).sum();
        let (days, day) = (longest as f64, 86_400.0);
        // Up to half of each gap is taken off at random.
        assert!(days / 2.0 >= 3.0 * day && days <= 7.0 * day, "{}", days / day);
    }
}
