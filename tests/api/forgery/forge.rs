//! The forger: what can be made of a good token, with and without the real key.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use ring::hmac;
use serde_json::{Value, json};

pub(super) const KEY: &[u8] = b"the key that signs, of 32 bytes at least";
pub(super) const OLDER: &[u8] = b"a key that still verifies, of 32 bytes or more";
const RETIRED: &[u8] = b"a key that was removed, of 32 bytes or more";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Door {
    Access,
    Refresh,
}

pub(super) struct Forge {
    pub(super) made: Vec<(String, Door, String)>,
    door: Door,
    pub(super) header: String,
    pub(super) claims: String,
    signature: String,
    now: i64,
}

pub(super) fn sign(key: &[u8], header: &str, claims: &str) -> String {
    let text = format!("{}.{}", B64.encode(header), B64.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    format!("{text}.{}", B64.encode(tag))
}

fn decoded(part: &str) -> String {
    String::from_utf8(B64.decode(part).expect("base64url")).expect("text")
}

impl Forge {
    pub(super) fn of(door: Door, token: &str, now: i64) -> Self {
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let (header, claims) = (decoded(header), decoded(claims));
        Self { made: Vec::new(), door, header, claims, signature: signature.to_owned(), now }
    }

    pub(super) fn add(&mut self, name: impl Into<String>, token: String) {
        self.made.push((name.into(), self.door, token));
    }

    /// Adds a token with this header or these claims, signed with the right key. A check that accepts it has looked
    /// only at the signature.
    fn well_signed(&mut self, name: &str, header: &str, claims: &str) {
        self.add(format!("{name}, well signed: {header} {claims}"), sign(KEY, header, claims));
    }

    pub(super) fn header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header: Value = serde_json::from_str(&self.header).expect("json");
        change(&mut header);
        header.to_string()
    }

    pub(super) fn claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims: Value = serde_json::from_str(&self.claims).expect("json");
        change(&mut claims);
        claims.to_string()
    }

    pub(super) fn headers(&mut self) {
        let (claims, signature) = (self.claims.clone(), self.signature.clone());
        let mut headers = Vec::new();
        for alg in [
            "none", "None", "NONE", "nOnE", "", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384",
            "EdDSA", "HS384", "HS512", "HS1", "hs256", "HS256 ", "dir",
        ] {
            headers.push(self.header(|h| h["alg"] = json!(alg)));
        }
        for kid in [
            json!(""),
            json!("retired"),
            json!("KEY"),
            json!(" key"),
            json!("key\u{0}"),
            json!("../key"),
            json!("/dev/null"),
            json!("key' or '1'='1"),
            json!("https://evil.example/k"),
            json!(null),
            json!(0),
            json!([]),
            json!({"key": 1}),
        ] {
            headers.push(self.header(|h| h["kid"] = kid));
        }
        for (name, value) in [
            ("jku", json!("https://evil.example/jwks.json")),
            ("jwk", json!({"kty": "oct", "k": B64.encode(RETIRED)})),
            ("x5u", json!("https://evil.example/c.pem")),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("cty", json!("JWT")),
        ] {
            headers.push(self.header(|h| h[name] = value));
        }
        for name in ["alg", "kid", "typ"] {
            headers.push(self.header(|h| drop(h.as_object_mut().expect("an object").remove(name))));
        }
        headers.push(self.header.replacen('{', r#"{"alg":"none","#, 1));
        headers.push(self.header.replacen('{', r#"{"kid":"older","#, 1));
        headers.push(self.header(|h| h["typ"] = json!("at+jwt")));
        headers.extend(["{}", "[]", "null", "\"x\"", "", "{"].map(str::to_owned));
        for header in headers {
            self.well_signed("header", &header, &claims);
            let unsigned = format!("{}.{}.", B64.encode(&header), B64.encode(&claims));
            self.add(format!("{header} unsigned"), unsigned.clone());
            self.add(format!("{header} with the old signature"), unsigned + &signature);
            for (whose, key) in [("no", &b""[..]), ("the retired", RETIRED)] {
                self.add(format!("{header} signed by {whose} key"), sign(key, &header, &claims));
            }
        }
    }

    pub(super) fn contents(&mut self) {
        let (header, now) = (self.header.clone(), self.now);
        let mut all: Vec<String> = Vec::new();
        for (key, values) in [
            (
                "aud",
                vec![
                    json!("APP"),
                    json!("APP:PROD"),
                    json!("app:test"),
                    json!(["APP:TEST"]),
                    json!(""),
                    json!(null),
                ],
            ),
            ("iss", vec![json!("OTHER"), json!("app"), json!(["APP"]), json!(""), json!(null)]),
            (
                "exp",
                vec![
                    json!(now),
                    json!(now - 1),
                    json!(0),
                    json!(-1),
                    json!("9999999999"),
                    json!(null),
                    json!(true),
                    json!(now as f64 + 60.5),
                    json!(now + 100 * 365 * 86_400),
                    json!(i64::MAX),
                    json!(u64::MAX),
                    json!(1e300),
                    json!([now + 60]),
                ],
            ),
            (
                "type",
                vec![
                    json!("Access"),
                    json!("refresh "),
                    json!("id"),
                    json!(""),
                    json!(null),
                    json!(["access", "refresh"]),
                ],
            ),
            ("user", vec![json!(null), json!({}), json!("x"), json!([])]),
            (
                "sub",
                vec![
                    json!(null),
                    json!(""),
                    json!("x"),
                    json!("00000000-0000-4000-8000-000000000001"),
                    json!([]),
                ],
            ),
            (
                "nbf",
                vec![
                    json!(now + 1),
                    json!(now + 60),
                    json!(i64::MAX),
                    json!(u64::MAX),
                    json!(now as f64 + 0.5),
                    json!("0"),
                    json!(null),
                    json!(true),
                ],
            ),
        ] {
            if !["sub", "nbf"].contains(&key) {
                all.push(self.claims(|c| drop(c.as_object_mut().expect("an object").remove(key))));
            }
            all.extend(values.into_iter().map(|value| self.claims(|c| c[key] = value)));
        }
        // The other kind of token, by type alone.
        let other = if self.door == Door::Access { "refresh" } else { "access" };
        all.push(self.claims(|c| c["type"] = json!(other)));
        for sid in ["", "#", "a#b", "x", "' or true --", "0000000000000000000000#0000000000000000000000#0"] {
            all.push(self.claims(|c| c["user"]["sid"] = json!(sid)));
        }
        all.push(self.claims(|c| c["user"]["uuid"] = json!("not-a-uuid")));
        for twice in [r#""type":"access","#, r#""exp":9999999999,"#, r#""aud":"APP:TEST","#, r#""user":{},"#]
        {
            all.push(self.claims.replacen('{', &format!("{{{twice}"), 1));
        }
        all.extend(["{}", "[]", "null", "", "{"].map(str::to_owned));
        for claims in all {
            self.well_signed("claims", &header, &claims);
        }
        let raised = self.claims(|c| c["user"]["uuid"] = json!("00000000-0000-4000-8000-000000000001"));
        self.add(
            "another user",
            format!("{}.{}.{}", B64.encode(&header), B64.encode(raised), self.signature),
        );
        let padded = self.claims(|c| c["pad"] = json!("x".repeat(4096)));
        self.well_signed("4 KiB", &header, &padded);
        self.add("4 KiB of nothing", "x".repeat(4096));
    }

    pub(super) fn signatures(&mut self) {
        let start = format!("{}.{}", B64.encode(&self.header), B64.encode(&self.claims));
        let signature = self.signature.clone();
        for length in 0..signature.len() {
            self.add(format!("signature of {length}"), format!("{start}.{}", &signature[..length]));
        }
        for place in 0..signature.len() {
            let mut changed = signature.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ascii");
            self.add(format!("signature changed at {place}"), format!("{start}.{changed}"));
        }
        for tail in ["=", "==", "A", "AA", "AAAA", ".", ".x", "%3D", "\u{a0}"] {
            self.add(format!("signature and {tail:?}"), format!("{start}.{signature}{tail}"));
        }
        // The last character holds two bits that no byte uses.
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = digits.iter().position(|d| *d == signature.as_bytes()[42]).expect("a digit");
        for spare in 1..4 {
            let twin = char::from(digits[(last & !3) | ((last + spare) & 3)]);
            self.add(format!("signature ending in {twin}"), format!("{start}.{}{twin}", &signature[..42]));
        }
        for text in ["", ".", "..", "...", "x.y.z"] {
            self.add(format!("{text:?}"), text.to_owned());
        }
        self.add("two parts", start);
        self.add("four parts", format!("{}.{signature}", self.made[0].2));
    }
}
