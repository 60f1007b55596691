use std::net::IpAddr;

/// Where a request came from: stored with its session, and in the audit log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Client<'a> {
    pub ip: Option<IpAddr>,
    pub user_agent: Option<&'a str>,
}
