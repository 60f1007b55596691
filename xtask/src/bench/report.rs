//! A run's figures as a table and as JSON.

use serde_json::{Value, json};

use super::figures::Report;
use super::run::{ALONE, Measured};
use super::targets::{self, Verdict};
use crate::measure::Spread;
use crate::ui;

impl Report {
    /// All of it, each figure with its spread, and the targets.
    #[must_use]
    pub fn json(&self) -> Value {
        let spread = |s: Spread| json!({ "p10": s.p10, "median": s.median, "p90": s.p90, "p99": s.p99 });
        let function = |measured: &Measured| {
            let row = measured.row()?;
            Some(json!({
                "name": measured.name,
                "init_us": spread(row.init),
                "init_cpu_us": row.init_cpu,
                "first_request_us": spread(row.first),
                "cold_us": spread(row.total),
                "cold_cpu_us": row.cold_cpu,
                "cold_ratio_to_hello_and_connect": self.cold_floor().map(|floor| row.total.median / floor),
                "warm_requests": measured.requests,
                "warm_us": row.warm.map(spread),
                "warm_cpu_us": row.warm_cpu,
                "warm_ratio_to_hello_and_query": self.warm_floor().zip(row.warm).map(|(floor, warm)| warm.median / floor),
                "peak_rss_bytes": row.rss,
            }))
        };
        json!({
            "machine": self.machine,
            "postgres_over_tls": self.tls,
            "cold_starts": self.starts,
            "functions": self.measured.iter().filter_map(function).collect::<Vec<_>>(),
            "one_connect_us": self.connect().map(spread),
            "one_query_us": self.query().map(spread),
            "weights": self.weights,
            "targets": targets::verdicts(self),
        })
    }

    pub fn print(&self) {
        let postgres = self
            .tls
            .map_or("", |tls| if tls { "; Postgres over TLS with SCRAM" } else { "; Postgres WITHOUT TLS" });
        ui::out(&format!("{}{postgres}", self.machine));
        if !self.measured.is_empty() {
            self.print_cold();
        }
        if self.measured.iter().any(|measured| !measured.turns.is_empty()) {
            self.print_warm();
        }
        if !self.weights.is_empty() {
            self.print_weights();
        }
        print_verdicts(&targets::verdicts(self));
    }

    fn print_cold(&self) {
        ui::out(&format!("\ncold, in ms: medians of {} starts (p10–p90), processor time apart", self.starts));
        let head = ["spawn → /next", "cpu", "first request", "both", "cpu", "× floor", "RSS MB"];
        ui::out(&line(&COLD, "", &head.map(str::to_owned)));
        let floor = self.cold_floor();
        for measured in &self.measured {
            let Some(row) = measured.row() else { continue };
            let start_only = measured.name == ALONE;
            let ms = |spread: Spread| {
                format!("{:.2} ({:.2}–{:.2})", spread.median / 1e3, spread.p10 / 1e3, spread.p90 / 1e3)
            };
            let or_none =
                |text: Option<String>| text.filter(|_| !start_only).unwrap_or_else(|| "–".to_owned());
            let cpu = |micros: Option<f64>| micros.map(|micros| format!("{:.2}", micros / 1e3));
            let cells = [
                ms(row.init),
                cpu(row.init_cpu).unwrap_or_else(|| "–".to_owned()),
                or_none(Some(ms(row.first))),
                or_none(Some(format!("{:.2}", row.total.median / 1e3))),
                or_none(cpu(row.cold_cpu)),
                or_none(floor.map(|floor| format!("{:.2}", row.total.median / floor))),
                megabytes(measured.rss_first),
            ];
            ui::out(&line(&COLD, &measured.name, &cells));
        }
        if let Some((connect, floor)) = self.connect().zip(floor) {
            ui::out(&format!(
                "one connect in a warm process: {:.2} ({:.2}–{:.2}); the floor, hello + one connect: {:.2}",
                connect.median / 1e3,
                connect.p10 / 1e3,
                connect.p90 / 1e3,
                floor / 1e3
            ));
        }
    }

    fn print_warm(&self) {
        ui::out("\nwarm, in µs: medians of all requests (p10–p90)");
        let head = ["requests", "request", "p99", "cpu", "× floor", "RSS MB"];
        ui::out(&line(&WARM, "", &head.map(str::to_owned)));
        for measured in &self.measured {
            let Some((row, warm)) = measured.row().and_then(|row| Some((row, row.warm?))) else { continue };
            let cells = [
                measured.requests.to_string(),
                format!("{:.0} ({:.0}–{:.0})", warm.median, warm.p10, warm.p90),
                format!("{:.0}", warm.p99),
                row.warm_cpu.map_or_else(|| "–".to_owned(), |cpu| format!("{cpu:.0}")),
                self.warm_floor().map_or_else(String::new, |floor| format!("{:.2}", warm.median / floor)),
                megabytes(row.rss),
            ];
            ui::out(&line(&WARM, &measured.name, &cells));
        }
        if let Some((query, floor)) = self.query().zip(self.warm_floor()) {
            ui::out(&format!(
                "one prepared query in a bare process: {:.0} ({:.0}–{:.0}); the floor, hello + one query: {floor:.0}",
                query.median, query.p10, query.p90
            ));
        }
    }

    fn print_weights(&self) {
        ui::out("\nsize, in MB (10^6 bytes)");
        ui::out(&line(&SIZE, "", &["binary".to_owned(), "zip".to_owned()]));
        for (name, weight) in &self.weights {
            let mb = |bytes: u64| format!("{:.2}", bytes as f64 / 1e6);
            ui::out(&line(&SIZE, name, &[mb(weight.binary), mb(weight.zip)]));
        }
    }
}

fn print_verdicts(verdicts: &[Verdict]) {
    if !verdicts.is_empty() {
        ui::out("\ntargets");
    }
    for Verdict { what, most, is, met } in verdicts {
        ui::out(&format!("  {what:<58} ≤ {most:>7.2}   {is:>7.2}   {}", if *met { "met" } else { "MISSED" }));
    }
}

/// The widths of the columns behind the name.
const COLD: [usize; 7] = [24, 9, 24, 9, 9, 9, 8];
const WARM: [usize; 6] = [10, 26, 9, 9, 9, 8];
const SIZE: [usize; 2] = [10, 10];

fn line(widths: &[usize], name: &str, cells: &[String]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
    format!("  {name:<26}{}", cells.collect::<String>())
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "–".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1e6))
}
