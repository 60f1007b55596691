//! A process whose workers are lost, or whose Runtime API is gone, ends.

use std::{
    collections::VecDeque,
    io::BufReader,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use app_core::testing::event;
use serde_json::Value;
use test_support::process::Process;
use xtask::runtime_api::http;

use crate::stage::{PATIENCE, Stage};

/// Waits until `found` finds something.
#[track_caller]
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let patience = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < patience, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the process has ended. Returns its exit code.
fn ended(process: &Process) -> Option<i32> {
    until("it still runs", || process.function.ended().expect("its state is known")).code()
}

/// How many lines at level ERROR begin so.
fn says(process: &Process, message: &str) -> usize {
    let lines = process.function.logs();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let begins = |line: &Value| line["message"].as_str().is_some_and(|said| said.starts_with(message));
    lines.filter(|line| line["level"] == "ERROR" && begins(line)).count()
}

#[test]
fn a_process_without_its_runtime_api_ends_and_says_why() {
    let stage = Stage::new();
    let process = stage.process(4, &[]);
    let began = Instant::now();
    process.function.hang_up();
    assert_eq!(ended(&process), Some(1));
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    until("it says why", || (says(&process, "the Runtime API accepts no connections") == 1).then_some(()));
}

/// A Runtime API that does with each poll what a test says.
#[derive(Default)]
struct Api {
    answers: Mutex<VecDeque<Answer>>,
    changed: Condvar,
    responses: Mutex<Vec<Value>>,
}

enum Answer {
    /// No event but an error, which ends the worker.
    Fails,
    Event(String),
    /// An event. The connection is closed when its response arrives, which ends the worker as well.
    Unheard(String),
}

impl Api {
    fn start() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let api = Arc::<Self>::default();
        let served = Arc::clone(&api);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                thread::spawn(move || served.serve(stream));
            }
        });
        (api, address)
    }

    fn answer(&self, answer: Answer) {
        self.answers.lock().expect("no panic").push_back(answer);
        self.changed.notify_one();
    }

    fn next(&self) -> Answer {
        let mut answers = self.answers.lock().expect("no panic");
        loop {
            match answers.pop_front() {
                Some(answer) => return answer,
                None => answers = self.changed.wait(answers).expect("no panic"),
            }
        }
    }

    /// Until the process closes the connection.
    fn serve(&self, mut stream: TcpStream) {
        let mut requests = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut hears = true;
        while let Ok(Some(request)) = http::read(&mut requests) {
            let written = if request.method == "GET" {
                let answer = self.next();
                hears = !matches!(answer, Answer::Unheard(_));
                match answer {
                    Answer::Fails => http::write(&mut stream, "500 Internal Server Error", &[], b"{}"),
                    Answer::Event(event) | Answer::Unheard(event) => {
                        let headers = [
                            (
                                "Lambda-Runtime-Aws-Request-Id",
                                "00000000-0000-4000-8000-000000000001".to_owned(),
                            ),
                            ("Lambda-Runtime-Deadline-Ms", "99999999999999".to_owned()),
                            ("Lambda-Runtime-Invoked-Function-Arn", "arn".to_owned()),
                        ];
                        http::write(&mut stream, "200 OK", &headers, event.as_bytes())
                    }
                }
            } else if !hears {
                return;
            } else {
                let response = serde_json::from_slice(&request.body).expect("JSON");
                self.responses.lock().expect("no panic").push(response);
                http::write(&mut stream, "202 Accepted", &[], b"")
            };
            if written.is_err() {
                return;
            }
        }
    }
}

#[test]
fn a_process_works_while_half_of_its_workers_are_left_and_then_ends() {
    let stage = Stage::new();
    let (api, address) = Api::start();
    let process = stage.unready(4, &[("AWS_LAMBDA_RUNTIME_API", &address.to_string())]);
    let request = event("users-me.no-token").to_string();
    for (lost, answer) in [(1, Answer::Fails), (2, Answer::Unheard(request.clone()))] {
        api.answer(answer);
        until("a worker is lost", || (says(&process, "a worker is lost") == lost).then_some(()));
    }
    api.answer(Answer::Event(request));
    let response = until("a response", || api.responses.lock().expect("no panic").pop());
    assert_eq!(response["statusCode"], 401, "{response}");
    api.answer(Answer::Fails);
    assert_eq!(ended(&process), Some(1));
    until("it says why", || (says(&process, "more than half of the workers are lost") == 1).then_some(()));
}
