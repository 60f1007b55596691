//! What is fuzzed: a target takes any bytes and panics when something does not hold that must hold
//! of all of them. libFuzzer (`cargo xtask fuzz TARGET`) and the suite `tests/fuzz/` run the same.
//!
//! A new target is a file here, a line in [`TARGETS`], and a few good inputs in `tests/fuzz/corpus/`.

mod cursor;
mod envelope;
mod filter;
mod request;
mod token;

pub type Target = fn(&[u8]);

pub const TARGETS: [(&str, Target); 5] = [
    ("filter", filter::run),
    ("token", token::run),
    ("envelope", envelope::run),
    ("cursor", cursor::run),
    ("request", request::run),
];

/// Runs what only looks asynchronous here, because nothing outside is asked.
fn wait<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}
