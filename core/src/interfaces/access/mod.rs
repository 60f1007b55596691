//! Who may call an endpoint: each handler names an [`Admission`], over HTTP and over RPC.

mod admission;
mod caller;

pub use admission::{
    Access, Admission, ApiKeysWrite, AuditRead, DebugSend, Public, RefreshToken, Right, SessionToken,
    SignedIn, UsersRead, UsersWrite,
};
pub use caller::{Caller, KeyOrCaller};
