//! The start of a function: its settings are read, and its needs are met.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{App, Need};
use crate::{
    config::Config,
    domain::{Error, Result, clock::SystemClock},
};

impl App {
    /// Reads the configuration and composes the parts. Waits for nothing, so that the compiler sees the needs of a
    /// binary and leaves out the settings of all others.
    ///
    /// # Errors
    /// `Configuration` with everything that is wrong.
    pub(crate) fn from_env(needs: &[Need]) -> Result<Self> {
        let config = Config::from_env(|section| needs.iter().any(|need| need.section() == section))?;
        let secrets = Need::secrets(needs, &config);
        Self::put_together(config, Arc::new(SystemClock), secrets, Need::make_pool(needs))
    }

    /// Connects and loads what `needs` names, in parallel. Runs once per cold start, in Lambda's init phase, which
    /// runs at full CPU.
    ///
    /// # Errors
    /// `Configuration` if a stored secret is wrong. A dependency that does not respond is no error here: it may be
    /// available at the first request, which tries again.
    pub(crate) async fn warm_up(&self, needs: &[Need]) -> Result<()> {
        for outcome in join_all(needs.iter().map(|need| need.meet(self))).await {
            match outcome {
                Ok(()) => {}
                Err(error @ Error::Configuration(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(
                        error = error.chain(),
                        "the warm-up at start failed; the first request tries again"
                    )
                }
            }
        }
        Ok(())
    }
}
