//! The steps of one process on its wire, and the trap that kills it at one of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// When at a step the process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing of the step has left the process.
    Before,
    /// Half of its bytes have.
    Half,
    /// All of its bytes have, and the process dies before the response.
    Forwarded,
    /// The response is there, the process has not seen it.
    Answered,
}

impl Moment {
    pub const ALL: [Self; 4] = [Self::Before, Self::Half, Self::Forwarded, Self::Answered];
}

/// Kills the process at the `nth` (from 1) step of this label, counted from when it was set.
#[derive(Debug, Clone)]
pub struct Trap {
    pub label: String,
    pub nth: usize,
    pub moment: Moment,
}

impl std::fmt::Display for Trap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} `{}` number {}", self.moment, self.label, self.nth)
    }
}

/// How the queue's API is doing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    #[default]
    Fair,
    /// Connections are closed as soon as they are made.
    Refusing,
    /// Requests are taken and never answered.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    pid: Option<i32>,
    trap: Option<Trap>,
    steps: Vec<String>,
    sprung: bool,
    weather: Weather,
    deadly: Option<String>,
}

/// Shared by the proxies of one process.
#[derive(Debug, Default)]
pub struct Control(Mutex<State>);

impl Control {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process has been started.
    pub fn watch(&self, pid: u32) {
        self.lock().pid = i32::try_from(pid).ok();
    }

    /// Forgets the noted steps and starts again, with a trap or without.
    pub fn set(&self, trap: Option<&Trap>) {
        let mut state = self.lock();
        state.trap = trap.cloned();
        state.steps.clear();
        state.sprung = false;
    }

    /// Whether the trap has killed the process.
    pub fn sprung(&self) -> bool {
        self.lock().sprung
    }

    /// What the process has done since [`Self::set`].
    pub fn steps(&self) -> Vec<String> {
        self.lock().steps.clone()
    }

    /// From now on every process dies before it can say this.
    pub fn set_deadly(&self, text: &str) {
        self.lock().deadly = Some(text.to_owned());
    }

    /// The process is about to take this step; the response says when in it to kill it.
    pub fn step(&self, label: String, bytes: &[u8]) -> Option<Moment> {
        let mut state = self.lock();
        state.steps.push(label);
        let says = |text: &String| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        if state.deadly.as_ref().is_some_and(says) {
            return Some(Moment::Before);
        }
        let trap = state.trap.as_ref().filter(|_| !state.sprung)?;
        let taken = state.steps.iter().filter(|step| **step == trap.label).count();
        let last = state.steps.last() == Some(&trap.label);
        (last && taken == trap.nth).then_some(trap.moment)
    }

    /// Kills the process at once: SIGKILL, nothing of it runs any more.
    pub fn kill(&self) {
        let mut state = self.lock();
        // Its parent has not waited for it: the id still is its own.
        if let Some(pid) = state.pid.take() {
            state.sprung = kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok();
        }
    }

    pub fn weather(&self) -> Weather {
        self.lock().weather
    }

    pub fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }
}
