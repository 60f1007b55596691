//! Who may call an endpoint: each handler names an [`Admission`], over HTTP and over RPC.

mod admission;
mod anyone;
mod caller;

pub use admission::{Access, Admission, Public, RefreshToken, SessionToken};
pub use anyone::Anyone;
pub use caller::{Caller, KeyOrCaller};
