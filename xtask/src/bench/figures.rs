//! The figures of a benchmark: medians with their spread, and the floors.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bare::{Bare, HELLO};
use super::machine::Machine;
use super::plan::Plan;
use super::release::Weight;
use super::run::{Measured, Start};
use crate::measure::Spread;

/// The figures of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    /// Whether the connections to Postgres used TLS, if there were any.
    pub tls: Option<bool>,
    pub starts: usize,
    pub measured: Vec<Measured>,
    pub bare: Bare,
    pub weights: BTreeMap<String, Weight>,
}

/// The figures of one program: medians with their spread, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) init: Spread,
    pub(super) init_cpu: Option<f64>,
    pub(super) first: Spread,
    pub(super) total: Spread,
    pub(super) cold_cpu: Option<f64>,
    pub(super) warm: Option<Spread>,
    pub(super) warm_cpu: Option<f64>,
    /// In bytes.
    pub(super) rss: Option<u64>,
}

impl Measured {
    pub(super) fn row(&self) -> Option<Row> {
        if self.starts.is_empty() {
            return None;
        }
        let of = |part: fn(&Start) -> f64| Spread::of(self.starts.iter().map(part).collect());
        let cpu = |part: fn(&Start) -> Option<f64>| {
            let all: Option<Vec<f64>> = self.starts.iter().map(part).collect();
            all.map(|all| Spread::of(all).median)
        };
        let requests: Vec<f64> = self.turns.iter().flat_map(|turn| turn.requests.iter().copied()).collect();
        let turns: Option<Vec<f64>> = self.turns.iter().map(|turn| turn.cpu).collect();
        Some(Row {
            init: of(|start| start.init),
            init_cpu: cpu(|start| start.init_cpu),
            first: of(|start| start.first),
            total: of(|start| start.init + start.first),
            cold_cpu: cpu(|start| Some(start.init_cpu? + start.first_cpu?)),
            warm: (!requests.is_empty()).then(|| Spread::of(requests)),
            warm_cpu: turns.filter(|turns| !turns.is_empty()).map(|turns| Spread::of(turns).median),
            rss: self.rss_last.or(self.rss_first),
        })
    }
}

impl Report {
    #[must_use]
    pub fn new(
        tls: Option<bool>,
        plan: &Plan,
        measured: (Vec<Measured>, Bare),
        weights: BTreeMap<String, Weight>,
    ) -> Self {
        let (measured, bare) = measured;
        Self { machine: Machine::here(), tls, starts: plan.starts, measured, bare, weights }
    }

    pub(super) fn row(&self, name: &str) -> Option<Row> {
        self.measured.iter().find(|measured| measured.name == name)?.row()
    }

    pub(super) fn connect(&self) -> Option<Spread> {
        (!self.bare.connect.is_empty()).then(|| Spread::of(self.bare.connect.clone()))
    }

    pub(super) fn query(&self) -> Option<Spread> {
        (!self.bare.query.is_empty()).then(|| Spread::of(self.bare.query.clone()))
    }

    /// Returns the floor of a cold start: the start of `hello` and one connect.
    pub(super) fn cold_floor(&self) -> Option<f64> {
        Some(self.row(HELLO)?.total.median + self.connect()?.median)
    }

    /// Returns the floor of a first request: the first request to `hello` and one query.
    pub(super) fn first_floor(&self) -> Option<f64> {
        Some(self.row(HELLO)?.first.median + self.query()?.median)
    }

    /// Returns the floor of a request: a request to `hello` and one query.
    pub(super) fn warm_floor(&self) -> Option<f64> {
        Some(self.row(HELLO)?.warm?.median + self.query()?.median)
    }
}
