//! The frames of gRPC-Web: one byte of flags, four bytes of length, and the data. The last frame of a response
//! contains what HTTP/2 sends as trailers.

use crate::domain::Error;

use super::status::RpcError;

const HEAD: usize = 5;
const COMPRESSED: u8 = 0b0000_0001;
const TRAILERS: u8 = 0b1000_0000;

/// Returns the message of a request, which must have exactly one frame.
pub(super) fn unframe(bytes: &[u8]) -> Result<&[u8], RpcError> {
    let Some(([flags, length @ ..], message)) = bytes.split_first_chunk::<HEAD>() else {
        return Err(Error::Malformed("the body is not a gRPC-Web frame".into()).into());
    };
    if *flags == COMPRESSED {
        return Err(RpcError::compressed());
    }
    if *flags != 0 || u32::from_be_bytes(*length) as usize != message.len() {
        return Err(Error::Malformed("the body must be one complete gRPC-Web frame".into()).into());
    }
    Ok(message)
}

/// Returns the frames of a successful response: the message and the status.
pub(super) fn frames(message: &[u8]) -> Vec<u8> {
    const WELL: &[u8] = b"grpc-status: 0\r\n";
    let mut frames = Vec::with_capacity(2 * HEAD + message.len() + WELL.len());
    for (flags, content) in [(0, message), (TRAILERS, WELL)] {
        frames.push(flags);
        // Lambda limits a response to far less than 4 GiB.
        frames.extend((content.len() as u32).to_be_bytes());
        frames.extend(content);
    }
    frames
}

/// Encodes a text for `grpc-message`: ASCII stays, and everything else and `%` is percent-encoded.
pub(super) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_a_message_and_its_trailers() {
        assert_eq!(frames(b"ab"), b"\x00\x00\x00\x00\x02ab\x80\x00\x00\x00\x10grpc-status: 0\r\n");
        assert_eq!(unframe(b"\x00\x00\x00\x00\x02ab").ok(), Some(&b"ab"[..]));
        assert_eq!(unframe(b"\x00\x00\x00\x00\x00").ok(), Some(&b""[..]));
    }

    #[test]
    fn anything_but_one_whole_frame_is_refused() {
        for bytes in [
            &b""[..],
            b"\x00\x00\x00\x00",
            b"\x00\x00\x00\x00\x02a",
            b"\x00\x00\x00\x00\x01ab",
            b"\x00\xff\xff\xff\xffab",
            b"\x01\x00\x00\x00\x02ab",
            b"\x80\x00\x00\x00\x02ab",
            b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        ] {
            assert!(unframe(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_message_stays_one_line_of_ascii() {
        assert_eq!(percent_encoded("50 %\r\nx: ü"), "50 %25%0D%0Ax: %C3%BC");
    }
}
