//! One line of the log, as a function writes it: JSON, within a request, through the filter for secrets.

use std::{fs::File, sync::Mutex, time::Instant};

use app_core::telemetry::{self, TraceContext};
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use xtask::measure::{Group, Series, Target};

const ROUNDS: usize = 1_000;
const LINES: u32 = 100;

pub(crate) async fn run() -> Group {
    let nowhere = File::options().write(true).open("/dev/null").expect("a file");
    let _lines = telemetry::capture(LevelFilter::INFO, Mutex::new(nowhere));
    let mut series = Series::new("\"event received\"").target(Target::Micros(50.0));
    let (event, caused_by) = ("user_created", Some("7ad59a4f-dbb6-4d67-9c0d-9f3b0d7b1a52"));
    let lines = async {
        for _ in 0..ROUNDS {
            let started = Instant::now();
            for _ in 0..LINES {
                tracing::info!(event, event_id = %Uuid::max(), caused_by, "event received");
            }
            series.push(started.elapsed() / LINES);
        }
    };
    let trace = TraceContext::begin(Uuid::max(), false);
    telemetry::Scope::new("c6af9ac6-7b61-11e6-9a41-93e8deadbeef".to_owned(), trace).run(lines).await;
    Group { title: "One line of the log", series: vec![series] }
}
