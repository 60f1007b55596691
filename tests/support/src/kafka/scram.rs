//! The server's side of SASL/SCRAM-SHA-512 (RFC 5802), for the door. Written from the RFC, and shown with
//! the client library's side as its counterpart: the two know nothing of each other.

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{digest, hmac, pbkdf2};

const SALT: &[u8] = b"salt of the tests";
const ITERATIONS: u32 = 4096;

/// A conversation about who somebody is.
pub(super) struct Scram {
    user: String,
    password: String,
    /// What both sides have said so far, without its wrapping.
    said: String,
    nonce: String,
}

pub(super) enum Step {
    /// To be sent; there is more to come.
    Go(String),
    /// The same, and now it is known who it is.
    Welcome(String),
    Refused,
}

impl Scram {
    pub(super) fn new(user: &str, password: &str) -> Self {
        let (said, nonce) = (String::new(), String::new());
        Self { user: user.to_owned(), password: password.to_owned(), said, nonce }
    }

    pub(super) fn step(&mut self, message: &str) -> Step {
        if self.said.is_empty() { self.first(message) } else { self.last(message) }
    }

    fn first(&mut self, message: &str) -> Step {
        // `n,,`: no channel binding, nobody else's name.
        let Some(bare) = message.strip_prefix("n,,") else { return Step::Refused };
        let (Some(user), Some(nonce)) = (field(bare, "n="), field(bare, "r=")) else { return Step::Refused };
        if user != self.user {
            return Step::Refused;
        }
        self.nonce = format!("{nonce}from-the-door");
        let answer = format!("r={},s={},i={ITERATIONS}", self.nonce, BASE64_STANDARD.encode(SALT));
        self.said = format!("{bare},{answer}");
        Step::Go(answer)
    }

    fn last(&mut self, message: &str) -> Step {
        let Some((bare, proof)) = message.rsplit_once(",p=") else { return Step::Refused };
        let Ok(proof) = BASE64_STANDARD.decode(proof) else { return Step::Refused };
        if field(bare, "r=") != Some(&*self.nonce) {
            return Step::Refused;
        }
        let said = format!("{},{bare}", self.said);
        let mut salted = [0; digest::SHA512_OUTPUT_LEN];
        let iterations = std::num::NonZeroU32::new(ITERATIONS).expect("not zero");
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, iterations, SALT, self.password.as_bytes(), &mut salted);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA512, &client_key);
        let signature = sign(stored_key.as_ref(), said.as_bytes());
        let expected: Vec<u8> = client_key.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
        if proof != expected {
            return Step::Refused;
        }
        let server = sign(&sign(&salted, b"Server Key"), said.as_bytes());
        Step::Welcome(format!("v={}", BASE64_STANDARD.encode(server)))
    }
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(name))
}

fn sign(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), text).as_ref().to_vec()
}
