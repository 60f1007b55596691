//! Requests that share connections to Postgres.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::stage::{PATIENCE, Stage, call, patiently};

#[test]
fn a_request_that_gets_no_connection_is_told_to_come_back_before_its_deadline() {
    let stage = Stage::new();
    let users = stage.administrators(1);
    let process = stage.process(16, &[("CONNECTIONS_POOL_MAX_SIZE", "2")]);
    thread::scope(|scope| {
        for number in 0..2 {
            let event = users[0].change_of(&users[0], &format!("w-{number}")).header("X-Fault", Some("wait"));
            scope.spawn({
                let process = &process;
                move || call(process, &event, PATIENCE)
            });
        }
        let holders = "select from pg_stat_activity where usename = '{}' and query ~ 'pg_sleep'";
        let holders = holders.replace("{}", &stage.role);
        let patience = Instant::now() + PATIENCE;
        while stage.rows(&holders).len() < 2 {
            assert!(Instant::now() < patience, "the connections are not in use");
            thread::sleep(Duration::from_millis(5));
        }
        let (response, took) = call(&process, &users[0].me("r-1"), PATIENCE);
        response.is_error(503, "unavailable");
        assert!(response.header("retry-after").is_some(), "{response:?}");
        assert!(took < Duration::from_secs(3), "it waited {took:?}");
        let is_reported = |line: &String| line.contains("\"DatabaseWait\"") && line.contains("\"busy\"");
        assert!(process.function.logs().iter().any(is_reported), "{:?}", process.function.logs());
    });
    // Postgres has ended the statements that held them, and the connections are free again.
    let (response, _) = call(&process, &users[0].me("r-2"), PATIENCE);
    assert_eq!(response.status, 200, "{response:?}");
}

#[test]
fn sixteen_requests_at_once_share_eight_connections() {
    let stage = Stage::new();
    let users = stage.administrators(1);
    let process = stage.process(16, &[]);
    thread::scope(|scope| {
        for number in 0..16 {
            let (process, user) = (&process, &users[0]);
            scope.spawn(move || {
                for round in 0..10 {
                    let (response, _) = patiently(process, &user.me(&format!("r-{number}-{round}")));
                    assert_eq!(response.status, 200, "{response:?}");
                }
            });
        }
    });
    let open = stage.rows(&format!("select from pg_stat_activity where usename = '{}'", stage.role));
    assert!((2..=8).contains(&open.len()), "{} connections", open.len());
}
