//! The arguments that name a stack.

use std::path::PathBuf;

use clap::Args;

/// Which stack is meant.
#[derive(Debug, Args)]
pub struct Place {
    /// A section of samconfig.toml, for example prod.
    pub environment: String,
    /// Read the environments from this file.
    #[arg(long, value_name = "FILE", default_value = "samconfig.toml")]
    pub config: PathBuf,
}
