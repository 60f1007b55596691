//! What kind of deployment this is.

use crate::domain::words::words;

words! {
    /// With the value of `LAUNCH_MODE`.
    pub enum LaunchMode {
        Local = "LOCAL",
        Test = "TEST",
        Prod = "PROD",
    }
}
