//! The start of a function: its settings are read, and its needs are met.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{App, Need};
use crate::{
    config::{Config, Section},
    domain::{Error, Result, clock::SystemClock},
};

impl App {
    /// Runs once per cold start, in Lambda's init phase, which runs at full CPU. Reads the configuration, then
    /// connects and loads what `needs` names, in parallel.
    ///
    /// # Errors
    /// `Configuration` with everything that is wrong. A dependency that does not answer is no error here: it may
    /// be available at the first request, which tries again.
    pub(crate) async fn from_env(needs: &[Need]) -> Result<Self> {
        let started = async {
            let sections: Vec<Section> = needs.iter().map(|need| need.section()).collect();
            let config = Config::from_env(&sections)?;
            let secrets = Need::secrets(needs, &config);
            let app = Self::put_together(config, Arc::new(SystemClock), secrets, Need::make_pool(needs))?;
            app.warm_up(needs).await?;
            Ok(app)
        };
        started.await.inspect_err(|error: &Error| tracing::error!(error = error.chain(), "cannot start"))
    }

    async fn warm_up(&self, needs: &[Need]) -> Result<()> {
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
