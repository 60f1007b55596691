//! What Lambda says of the process itself.

use std::num::NonZeroUsize;

use super::reader::Reader;

#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// How many requests Lambda sends to this process at once. It is 1 except on Lambda Managed Instances.
    pub max_concurrency: usize,
    /// Where the Runtime API is, as `host:port`. `None` in a process that Lambda did not start.
    pub api: Option<String>,
}

impl RuntimeConfig {
    /// Whether several threads are worth it: Lambda sends several requests, and there are processors for them.
    /// One thread costs less for each request.
    pub fn threads(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.max_concurrency.min(processors)
    }
}

pub(super) fn read(env: &mut Reader<'_>) -> RuntimeConfig {
    // Lambda sets both.
    let max_concurrency = env.number("AWS_LAMBDA_MAX_CONCURRENCY", 1, 1..=10_000) as usize;
    RuntimeConfig { max_concurrency, api: env.optional("AWS_LAMBDA_RUNTIME_API") }
}
