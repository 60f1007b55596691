//! Hashing takes memory and time: one at a time, and everyone else is served meanwhile.

use std::time::{Duration, Instant};

use app_core::testing::{TestApp, event};
use futures_util::future::join_all;
use serde_json::json;
use test_support::process::{Process, drop_role, role};

use crate::{
    ALONE,
    support::{call, sign_in, sign_up},
};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn two_hundred_sign_ins_at_once_are_hashed_one_by_one_and_health_responds_meanwhile() {
    let _alone = ALONE.lock().await;
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.wait = Duration::from_secs(60);
        }
    })
    .await;
    sign_up(&app, "ada@example.com").await;
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    let alone = Instant::now();
    assert_eq!(sign_in(&app, "ada@example.com", PASSWORD).await.status, 200);
    let alone = alone.elapsed();
    // With the one arena that is kept.
    let data = || resident_mib(std::process::id()).0;
    let data_before = data();

    let started = Instant::now();
    let crowd = join_all((0..200).map(|_| sign_in(&app, "ada@example.com", PASSWORD)));
    let health = async {
        let mut slowest = Duration::ZERO;
        let (mut most_threads, mut most_data) = (0, 0.0_f64);
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let asked = Instant::now();
            let response = call(&app, debug_health_check::handler, &event("debug-health-check")).await;
            assert_eq!(response.status, 200, "{response:?}");
            slowest = slowest.max(asked.elapsed());
            most_threads = most_threads.max(threads());
            most_data = most_data.max(data());
        }
        (slowest, most_threads, most_data - data_before, started.elapsed())
    };
    let (responses, (slowest, most_threads, grown, health_took)) =
        futures_util::future::join(crowd, health).await;
    let took = started.elapsed();
    assert!(responses.iter().all(|response| response.status == 200));
    println!(
        "alone {alone:?}, 200 in {took:?}, health at most {slowest:?}, threads {before} to {most_threads}, {grown:.1} MiB more"
    );
    assert!(most_threads <= before + 8, "{most_threads} threads wait for one memory");
    assert!(grown < 2.0 * 19.0, "{grown:.1} MiB more: several hashes had memory at once");
    assert!(health_took < took, "health was asked while they were hashed");
    assert!(slowest < Duration::from_secs(1), "health waited {slowest:?} for the hashes");
}

#[test]
fn one_process_stays_small_after_a_hundred_sign_ins() {
    let _alone = ALONE.blocking_lock();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (app, role) = runtime.block_on(async {
        let app = TestApp::new().await;
        sign_up(&app, "ada@example.com").await;
        let role = role(&app, "role").await;
        (app, role)
    });
    let mut process = Process::spawn("auth-tokens", (&role, "role"), &[]);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let event = event("auth-tokens").body(&body).to_string();
    for _ in 0..100 {
        let response = process.invoke(&event);
        assert!(response.contains("\"statusCode\":200"), "{response}: {:#?}", process.function.logs());
    }
    let resident = resident_mib(process.function.pid());
    drop(process);
    runtime.block_on(drop_role(&app, &role));
    let (data, code) = resident;
    println!("after 100 sign-ins {data:.1} MiB of data and {code:.1} MiB of code are resident");
    assert!(data + code.min(LARGEST_CODE_MIB) <= 30.0, "{data:.1} MiB of data");
}

/// As deployed, the binary has six megabytes; unoptimised it has many times as much.
const LARGEST_CODE_MIB: f64 = 6.0;

/// What is resident: the process's own memory, and pages of its binary.
fn resident_mib(pid: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let mib = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    };
    (mib("RssAnon:"), mib("RssFile:"))
}
