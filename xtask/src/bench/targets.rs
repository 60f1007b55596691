//! What was promised, and whether this run keeps it. docs/performance.md explains each.

use serde::Serialize;

use super::bare::{FLOORS, HELLO, POSTGRES};
use super::cases::CASES;
use super::figures::Report;
use super::run::ALONE;

/// One promise.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) what: &'static str,
    pub(super) most: f64,
    pub(super) is: f64,
    pub(super) met: bool,
}

/// Returns the targets for which this run has figures.
pub(super) fn verdicts(report: &Report) -> Vec<Verdict> {
    let me = report.row("users-me");
    let hello = report.row(HELLO);
    let (alone, bare) = (report.row(ALONE), report.row(POSTGRES));
    let ratio = |ours: Option<f64>, floor: Option<f64>| Some(ours? / floor?);
    let warm = |row: Option<super::figures::Row>| row?.warm.map(|warm| warm.median);
    let mega = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1e6);
    let small = CASES.iter().filter(|case| !case.hashes);
    let largest = small.filter_map(|case| report.row(case.function)?.rss).max();
    let heaviest = report.weights.iter().filter(|(name, _)| !FLOORS.contains(&name.as_str()));
    let all = [
        (
            "a start without I/O: × hello's processor time",
            1.3,
            ratio(alone.and_then(|row| row.init_cpu), hello.and_then(|row| row.init_cpu)),
        ),
        (
            "users-me, cold: × a bare function with its statement",
            1.1,
            ratio(me.map(|row| row.total.median), bare.map(|row| row.total.median)),
        ),
        (
            "users-me, its first request: × (hello's first + one query)",
            1.3,
            ratio(me.map(|row| row.first.median), report.first_floor()),
        ),
        (
            "users-me, warm: µs above a bare function with its statement",
            30.0,
            warm(me).zip(warm(bare)).map(|(ours, floor)| ours - floor),
        ),
        ("memory of the largest that hashes nothing: MB", 8.0, mega(largest)),
        (
            "auth-tokens, memory after its hashes: MB",
            30.0,
            report.row("auth-tokens").filter(|row| row.warm.is_some()).and_then(|row| mega(row.rss)),
        ),
        ("the heaviest zip: MB", 3.0, mega(heaviest.map(|(_, weight)| weight.zip).max())),
    ];
    let verdict =
        |(what, most, is): (_, f64, Option<f64>)| is.map(|is| Verdict { what, most, is, met: is <= most });
    all.into_iter().filter_map(verdict).collect()
}
