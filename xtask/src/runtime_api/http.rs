//! As much HTTP/1.1 as a Lambda runtime speaks, or a client of a test: requests with a length or
//! chunked, responds with a length, one connection for many requests.

use std::io::{self, BufRead, BufReader, Write as _};
use std::net::TcpStream;

/// The largest body that is taken: Lambda's own limit for a response is 6 MB.
const LARGEST: usize = 16 << 20;

/// One request.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// With the query string, as it was sent.
    pub path: String,
    /// In the order of the request. Invalid UTF-8 is replaced.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Reads the next request; none when the other side has closed the connection.
pub fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let line = line(stream)?;
    if line.is_empty() {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other("not a request line"));
    };
    let (mut length, mut chunked, mut headers) = (0, false, Vec::new());
    loop {
        let header = header(stream)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.to_ascii_lowercase().contains("chunked");
        } else if name.eq_ignore_ascii_case("expect") {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut body = Vec::new();
    if chunked {
        while read_chunk(stream, &mut body)? {}
        // Trailers, and the empty line that ends them.
        while !header(stream)?.is_empty() {}
    } else {
        read_exactly(stream, length, &mut body)?;
    }
    Ok(Some(Request { method, path, headers, body }))
}

/// Writes a response in one piece: two would wait for each other's acknowledgement.
pub fn write(
    stream: &mut TcpStream,
    status: &str,
    headers: &[(&str, String)],
    body: &[u8],
) -> io::Result<()> {
    let mut response = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        response.push_str(name);
        response.push_str(": ");
        response.push_str(value);
        response.push_str("\r\n");
    }
    response.push_str("\r\n");
    let mut response = response.into_bytes();
    response.extend_from_slice(body);
    stream.write_all(&response)
}

fn header(stream: &mut impl BufRead) -> io::Result<String> {
    Ok(line(stream)?.trim_end().to_owned())
}

/// With its end; empty when there is none any more.
fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn read_chunk(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<bool> {
    let line = header(stream)?;
    let size = line.split(';').next().unwrap_or_default();
    let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
    if size == 0 {
        return Ok(false);
    }
    read_exactly(stream, size, body)?;
    header(stream)?;
    Ok(true)
}

fn read_exactly(stream: &mut impl BufRead, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
    if body.len() + length > LARGEST {
        return Err(io::Error::other("the response body is larger than Lambda allows"));
    }
    let start = body.len();
    body.resize(start + length, 0);
    stream.read_exact(&mut body[start..])
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_chunked_body_is_put_together_and_its_trailers_are_skipped() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(
            b"POST /x HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n\
              2\r\nab\r\n1;x=y\r\nc\r\n0\r\nTrailer: 1\r\n\r\nGET /y HTTP/1.1\r\n\r\n",
        )?;
        drop(client);
        let mut server = BufReader::new(listener.accept()?.0);
        let first = read(&mut server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        assert_eq!((first.method.as_str(), first.body.as_slice()), ("POST", b"abc".as_slice()));
        let second = read(&mut server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        assert_eq!((second.path.as_str(), second.body.len()), ("/y", 0));
        assert!(read(&mut server)?.is_none());
        Ok(())
    }
}
