//! Which browser origins may read answers.

use std::net::Ipv6Addr;

use super::reader::Reader;

/// No credentials are ever allowed: tokens travel in a header that a page has to set itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    Any,
    /// Compared letter by letter.
    Only(Vec<String>),
}

pub(super) fn read(env: &mut Reader<'_>, prod: bool) -> Cors {
    const KEY: &str = "CORS_ORIGIN_WHITELIST";
    let text = env.optional(KEY).unwrap_or_else(|| "[]".into());
    let Ok(origins) = serde_json::from_str::<Vec<String>>(&text) else {
        env.wrong(KEY, "must be a JSON list of origins, such as [\"https://app.example.com\"]");
        return Cors::Only(Vec::new());
    };
    if origins == ["*"] {
        if prod {
            env.wrong(KEY, "must name the origins in PROD; \"*\" is for local runs");
        }
        return Cors::Any;
    }
    if !origins.iter().all(|origin| is_origin(origin)) {
        env.wrong(
            KEY,
            "must hold origins as browsers send them (scheme://host[:port] in lower case, punycode, no \
             default port, no path), or \"*\" alone",
        );
    }
    Cors::Only(origins)
}

/// Whether a browser can send this: another spelling of the same place would never match one.
fn is_origin(text: &str) -> bool {
    let (rest, default_port) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, "443"),
        (None, Some(rest)) => (rest, "80"),
        (None, None) => return false,
    };
    // Behind the bracket, because an address has colons of its own.
    let (host, port) =
        match rest.find(']').map_or(rest.find(':'), |end| rest[end..].find(':').map(|i| end + i)) {
            None => (rest, None),
            Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
        };
    is_host(host)
        && port.is_none_or(|port| {
            port != default_port && port.parse::<u16>().is_ok_and(|number| number.to_string() == port)
        })
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
    use super::is_origin;

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
