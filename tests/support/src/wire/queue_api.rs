//! A proxy for the queue's API: each call is a step with the call's own name.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use super::control::{Control, Moment, Weather};

/// Serves every connection to `listener` until the test ends.
pub fn serve(listener: TcpListener, server: SocketAddr, control: Arc<Control>) {
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let control = Arc::clone(&control);
            std::thread::spawn(move || {
                let outcome = calls(&client, server, &control);
                let _ = client.shutdown(Shutdown::Both);
                outcome
            });
        }
    });
}

fn calls(client: &TcpStream, server: SocketAddr, control: &Control) -> io::Result<()> {
    if control.weather() == Weather::Refusing {
        return Ok(());
    }
    client.set_nodelay(true)?;
    let mut requests = BufReader::new(client.try_clone()?);
    let (mut client, mut upstream) = (client.try_clone()?, None);
    while let Some(request) = read(&mut requests)? {
        match control.weather() {
            Weather::Fair => {}
            Weather::Refusing => return Ok(()),
            Weather::Silent => {
                // Until the caller loses patience and hangs up, or the weather changes.
                while control.weather() == Weather::Silent && !hung_up(&client)? {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return Ok(());
            }
        }
        let moment = control.step(request.name(), &request.bytes);
        if upstream.is_none() {
            let stream = TcpStream::connect(server)?;
            stream.set_nodelay(true)?;
            upstream = Some(BufReader::new(stream));
        }
        let Some(upstream) = &mut upstream else { continue };
        let bytes = match moment {
            Some(Moment::Before) => &[][..],
            Some(Moment::Half) => &request.bytes[..request.bytes.len() / 2],
            _ => &request.bytes,
        };
        upstream.get_mut().write_all(bytes)?;
        if matches!(moment, Some(Moment::Before | Moment::Half | Moment::Forwarded)) {
            control.kill();
            return Ok(());
        }
        let response = read(upstream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if moment == Some(Moment::Answered) {
            control.kill();
            return Ok(());
        }
        client.write_all(&response.bytes)?;
    }
    Ok(())
}

/// A request or a response, as it came.
struct Message {
    bytes: Vec<u8>,
    target: Option<String>,
}

impl Message {
    /// `X-Amz-Target: AmazonSQS.SendMessageBatch` says what is called.
    fn name(&self) -> String {
        let name = self.target.as_deref().unwrap_or("unknown call");
        name.strip_prefix("AmazonSQS.").unwrap_or(name).to_owned()
    }
}

/// None when the other side has closed the connection.
fn read(stream: &mut impl BufRead) -> io::Result<Option<Message>> {
    let mut message = Message { bytes: Vec::new(), target: None };
    if stream.read_until(b'\n', &mut message.bytes)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let start = message.bytes.len();
        stream.read_until(b'\n', &mut message.bytes)?;
        let line = String::from_utf8_lossy(&message.bytes[start..]).trim().to_owned();
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if name.eq_ignore_ascii_case("x-amz-target") {
            message.target = Some(value.trim().to_owned());
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(io::Error::other("neither the SDK nor the emulator sends chunks"));
        }
    }
    let start = message.bytes.len();
    message.bytes.resize(start + length, 0);
    stream.read_exact(&mut message.bytes[start..])?;
    Ok(Some(message))
}

fn hung_up(client: &TcpStream) -> io::Result<bool> {
    client.set_nonblocking(true)?;
    let peeked = client.peek(&mut [0]);
    client.set_nonblocking(false)?;
    match peeked {
        Ok(read) => Ok(read == 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
