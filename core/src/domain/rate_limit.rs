//! A rate limit: a number of uses at once, and then one more in each interval.

use std::{net::IpAddr, time::Duration};

/// Written as `burst/seconds`: `5/30` allows five uses at once, and then one every 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// At least 1.
    pub burst: u32,
    /// The interval after which one more use is allowed. At least 1 ms.
    pub every: Duration,
}

impl Limit {
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }

    /// Returns `None` unless the text is two whole numbers: 1 to a million uses, and 1 second to a week.
    pub fn parse(text: &str) -> Option<Self> {
        let (burst, seconds) = text.split_once('/')?;
        let (burst, seconds) = (burst.parse().ok()?, seconds.parse().ok()?);
        let sane = (1..=1_000_000).contains(&burst) && (1..=604_800).contains(&seconds);
        sane.then(|| Self::new(burst, Duration::from_secs(seconds)))
    }

    /// Returns the limit that gives `n` callers together what this limit gives each of them.
    #[must_use]
    pub fn for_many(self, n: u32) -> Self {
        Self { every: self.every / n, ..self.with_bursts(n) }
    }

    /// Returns a limit with `n` times as many uses at once, and the same interval.
    #[must_use]
    pub fn with_bursts(self, n: u32) -> Self {
        Self { burst: self.burst.saturating_mul(n), ..self }
    }

    /// Returns how far the counted uses may be ahead of the clock.
    pub fn window(self) -> Duration {
        self.every * self.burst
    }
}

/// The part of the internet that counts as one caller. An attacker can change addresses within a rented
/// network, so limits also hold for whole networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// /64 or /32: one line, one phone, or everyone behind one router.
    Address,
    /// /56: the lines that a provider gives to one customer. IPv4 has no such unit.
    Site,
    /// /48 or /24: the smallest network that is rented out and routed separately.
    Network,
}

impl Span {
    pub const ALL: [Self; 3] = [Self::Address, Self::Site, Self::Network];

    /// Returns how many callers' uses the limit of this span allows.
    pub fn callers(self) -> u32 {
        match self {
            Self::Address => 1,
            Self::Site => 2,
            Self::Network => 4,
        }
    }

    /// Returns the bytes that all addresses of the span share. Requests without an address share an empty prefix.
    pub fn prefix(self, ip: Option<IpAddr>) -> Option<Vec<u8>> {
        let shared = match (ip.map(|ip| ip.to_canonical()), self) {
            (None, Self::Address) => Vec::new(),
            (Some(IpAddr::V4(ip)), Self::Address) => ip.octets().to_vec(),
            (Some(IpAddr::V4(ip)), Self::Network) => ip.octets()[..3].to_vec(),
            (Some(IpAddr::V6(ip)), Self::Address) => ip.octets()[..8].to_vec(),
            (Some(IpAddr::V6(ip)), Self::Site) => ip.octets()[..7].to_vec(),
            (Some(IpAddr::V6(ip)), Self::Network) => ip.octets()[..6].to_vec(),
            (None, _) | (Some(IpAddr::V4(_)), Self::Site) => return None,
        };
        Some(shared)
    }

    /// Returns what counts as one place of a user: the site, or the address for IPv4. A home gets a new /64
    /// more often than a new /56.
    pub fn place(ip: Option<IpAddr>) -> Vec<u8> {
        Self::Site.prefix(ip).or_else(|| Self::Address.prefix(ip)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_two_numbers() {
        assert_eq!(Limit::parse("5/30"), Some(Limit::new(5, Duration::from_secs(30))));
        assert_eq!(Limit::new(10, Duration::from_secs(6)).window(), Duration::from_secs(60));
        for text in
            ["", "5", "5/", "/30", "0/30", "5/0", "5/30/1", "-5/30", "5 / 30", "1000001/1", "1/604801"]
        {
            assert_eq!(Limit::parse(text), None, "{text}");
        }
    }
}
