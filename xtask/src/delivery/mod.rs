//! Building the functions for AWS Lambda, and bringing them there.
//!
//! - [`build`]: all functions in one call of cargo ([`compile`]), into the folder that `sam build` would have written
//!   ([`folder`]).
//! - [`settings`]: what samconfig.toml says of an environment.
//! - [`steps`]: the order of a deployment. [`aws`] takes the steps, with `xtask/python/deliver.py`.

pub mod aws;
pub mod build;
pub mod compile;
pub mod folder;
pub mod settings;
pub mod steps;
