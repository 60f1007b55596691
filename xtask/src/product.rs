//! The names of the product on this machine. `cargo xtask new project` changes them, together with those in
//! samconfig.toml, the template and the documents.

/// How the names of its stacks begin, as in `app-dev`.
pub const NAME: &str = "app";
/// The default of the setting `PROJECT_NAME`, the issuer of the tokens.
pub const PROJECT: &str = "APP";

/// Returns the name of a stack in CloudFormation, with which the names of its functions and queues begin.
#[must_use]
pub fn stack_name(stack: &str) -> String {
    format!("{NAME}-{stack}")
}
