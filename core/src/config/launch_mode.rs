//! What kind of deployment this is.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchMode {
    Local,
    Test,
    Prod,
}

impl LaunchMode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Test => "TEST",
            Self::Prod => "PROD",
        }
    }
}
