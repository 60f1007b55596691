//! Which browser pages may read responses, and which headers they may send.

use std::net::Ipv6Addr;

use super::{LaunchMode, reader::Reader};

/// No credentials are ever allowed: tokens travel in a header that a page sets itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    pub origins: Origins,
    /// Names of request headers in lower case, in addition to the API's own headers.
    pub allow_headers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    Any,
    Only {
        /// Compared letter by letter.
        listed: Vec<String>,
        /// Pages of this machine, on any port. In LOCAL only.
        loopback: bool,
    },
}

impl Origins {
    /// The origins of this list and no other.
    pub fn listed(origins: &[&str]) -> Self {
        Self::Only { listed: origins.iter().map(|&origin| origin.to_owned()).collect(), loopback: false }
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self::listed(&[])
    }
}

/// The entry of the list that stands for all pages of this machine.
const LOOPBACK: &str = "localhost";

pub(super) fn read(env: &mut Reader<'_>, mode: LaunchMode) -> Cors {
    Cors { origins: read_origins(env, mode), allow_headers: read_headers(env) }
}

fn read_origins(env: &mut Reader<'_>, mode: LaunchMode) -> Origins {
    const KEY: &str = "CORS_ORIGIN_WHITELIST";
    let text = env.optional(KEY).unwrap_or_else(|| "[]".into());
    let Ok(mut listed) = serde_json::from_str::<Vec<String>>(&text) else {
        env.wrong(KEY, "must be a JSON list of origins, such as [\"https://app.example.com\"]");
        return Origins::default();
    };
    if listed == ["*"] {
        if mode == LaunchMode::Prod {
            env.wrong(KEY, "must name the origins in PROD; \"*\" is for local runs");
        }
        return Origins::Any;
    }
    let loopback = listed.iter().any(|origin| origin == LOOPBACK);
    if loopback && mode != LaunchMode::Local {
        env.wrong(KEY, "must name the origins; the entry \"localhost\" is for LOCAL only");
    }
    listed.retain(|origin| origin != LOOPBACK);
    if !listed.iter().all(|origin| is_origin(origin)) {
        env.wrong(
            KEY,
            "must list origins as browsers send them, such as https://app.example.com, without a path or \
             the default port",
        );
    }
    Origins::Only { listed, loopback }
}

fn read_headers(env: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "CORS_ALLOW_HEADERS";
    let text = env.optional(KEY).unwrap_or_else(|| "[]".into());
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match serde_json::from_str::<Vec<String>>(&text) {
        Ok(names) if names.iter().all(is_name) => {
            names.into_iter().map(|name| name.to_ascii_lowercase()).collect()
        }
        _ => {
            env.wrong(
                KEY,
                "must be a JSON list of header names (letters, digits, hyphens and underscores), such as \
                 [\"traceparent\"]",
            );
            Vec::new()
        }
    }
}

/// Returns whether a browser sends this origin for a page of the machine that it runs on.
pub fn is_loopback_origin(origin: &str) -> bool {
    is_origin(origin)
        && origin
            .split_once("://")
            .map(|(_, rest)| split_port(rest).0)
            .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
}

/// Whether a browser can send this: another spelling of the same place would never match one.
fn is_origin(text: &str) -> bool {
    let (rest, default_port) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, "443"),
        (None, Some(rest)) => (rest, "80"),
        (None, None) => return false,
    };
    let (host, port) = split_port(rest);
    is_host(host)
        && port.is_none_or(|port| {
            port != default_port && port.parse::<u16>().is_ok_and(|number| number.to_string() == port)
        })
}

/// Splits `host:port`. An IPv6 address contains colons too, within brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let colon = text.find(']').map_or(text.find(':'), |end| text[end..].find(':').map(|at| end + at));
    colon.map_or((text, None), |colon| (&text[..colon], Some(&text[colon + 1..])))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address);
    }
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_machine_are_loopback() {
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:8443",
            "http://127.0.0.1:5173",
            "http://[::1]:3000",
        ] {
            assert!(is_loopback_origin(origin), "{origin}");
        }
        for text in [
            "http://localhost.evil.example:3000",
            "http://localhost:3000.evil.example",
            "http://evil.example",
            "http://localhost@evil.example",
            "http://localhost:3000/",
            "http://localhost:",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.2",
            "http://[::2]:3000",
            "localhost",
            "null",
        ] {
            assert!(!is_loopback_origin(text), "{text}");
        }
    }

    #[test]
    fn only_what_a_browser_can_send_is_an_origin() {
        for origin in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://xn--bcher-kva.example:8443",
            "http://127.0.0.1:8080",
            "https://a_b.example",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
            "https://app.example.com:80",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for text in [
            "",
            "null",
            "app.example.com",
            "//app.example.com",
            "ftp://app.example.com",
            "HTTPS://app.example.com",
            "https://",
            "https://App.example.com",
            "https://bücher.example",
            "https://app.example.com/",
            "https://app.example.com?",
            "https://app.example.com#",
            "https://user@app.example.com",
            "https://app.example.com.",
            "https://.example.com",
            "https://*.example.com",
            "https://app.example.com:",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://app.example.com:0443",
            "https://app.example.com:65536",
            "https://app.example.com:+80",
            "https://[::1",
            "https://[::1]x",
            "https://[0:0::1]",
            "https://::1",
            " https://app.example.com",
            "https://app.example.com https://b.example",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }
}
