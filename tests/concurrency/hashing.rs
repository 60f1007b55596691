//! Hashing a password takes a processor for a while. Other requests of the process continue meanwhile.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::stage::{PATIENCE, Stage, call, patiently};

const SIGN_INS: usize = 50;
/// MiB of one hash.
const MEMORY: u64 = 19;

#[test]
fn fifty_sign_ins_at_once_take_a_buffer_for_each_processor_and_others_are_served_meanwhile() {
    let stage = Stage::new();
    let users = stage.administrators(SIGN_INS);
    let process = stage.process(64, &[]);
    let (first, _) = call(&process, &users[0].sign_in("r-first"), PATIENCE);
    assert_eq!(first.status, 200, "{first:?}");
    // All connections are open: logging in to Postgres takes a processor, too.
    thread::scope(|scope| {
        for number in 0..16 {
            let (process, user) = (&process, &users[0]);
            scope.spawn(move || patiently(process, &user.me(&format!("w-{number}"))));
        }
    });
    let before = peak_mib(process.function.pid());
    let hashed = AtomicBool::new(false);
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let (process, users, hashed) = (&process, &users, &hashed);
        let sign_ins: Vec<_> = users
            .iter()
            .enumerate()
            .map(|(number, user)| {
                scope.spawn(move || {
                    let (response, _) = patiently(process, &user.sign_in(&format!("s-{number}")));
                    assert_eq!(response.text("/user_data/uuid"), user.uuid);
                })
            })
            .collect();
        let others = scope.spawn(move || {
            let mut times = Vec::new();
            while !hashed.load(Ordering::Relaxed) {
                let (response, took) = patiently(process, &users[0].me(&format!("m-{}", times.len())));
                assert_eq!(response.status, 200, "{response:?}");
                times.push(took);
            }
            times
        });
        for sign_in in sign_ins {
            sign_in.join().expect("signed in");
        }
        hashed.store(true, Ordering::Relaxed);
        others.join().expect("served")
    });
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() - 1) * percent / 100];
    let (median, late) = (percentile(50), percentile(99));
    let grown = peak_mib(process.function.pid()) - before;
    eprintln!(
        "{} of users-me during {SIGN_INS} sign-ins: median {median:?}, p99 {late:?}; {grown} MiB more",
        times.len()
    );
    assert!(times.len() > 5, "{} requests were served meanwhile", times.len());
    assert!(late < Duration::from_secs(1), "p99 {late:?}");
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get) as u64;
    assert!(grown < MEMORY * processors, "{grown} MiB more for {processors} processors");
}

/// The most memory that the process has had.
fn peak_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}
