//! A proxy for Postgres that cuts what a client sends into steps.
//!
//! A step is what the client sends up to where it waits: a simple query, or messages up to Sync
//! among which one executes. A round trip that only prepares is none: it changes nothing.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    control::{Control, Moment},
    label,
};

/// Serves every connection to `listener` until the test ends.
pub fn serve(listener: TcpListener, server: SocketAddr, control: Arc<Control>) {
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let control = Arc::clone(&control);
            // A connection that breaks is the end of that connection and of nothing else.
            std::thread::spawn(move || {
                let server = TcpStream::connect(server)?;
                Connection::new(client, server, control)?.run()
            });
        }
    });
}

/// What the server still owes a reply to, first one first; whether it shall reach the client.
type Owed = Arc<Mutex<VecDeque<Reply>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    PassOn,
    /// When it is complete, the process dies.
    KillAt,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    control: Arc<Control>,
    owed: Owed,
    /// Statements by name, and the statement that the portal is bound to.
    statements: HashMap<Vec<u8>, String>,
    bound: String,
}

impl Connection {
    fn new(client: TcpStream, server: TcpStream, control: Arc<Control>) -> io::Result<Self> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        Ok(Self {
            client,
            server,
            control,
            owed: Owed::default(),
            statements: HashMap::new(),
            bound: String::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        // The reply to the start-up.
        owe(&self.owed, Reply::PassOn);
        let (client, server) = (self.client.try_clone()?, self.server.try_clone()?);
        let (owed, control) = (Arc::clone(&self.owed), Arc::clone(&self.control));
        let replies = std::thread::spawn(move || {
            let outcome = pass_answers(&client, &server, &owed, &control);
            close(&client, &server);
            outcome
        });
        let outcome = self.pass_requests();
        close(&self.client, &self.server);
        let _ = replies.join();
        outcome
    }

    /// From the client to the server.
    fn pass_requests(&mut self) -> io::Result<()> {
        // The first message has no type, only a length.
        let mut start = [0; 4];
        self.client.read_exact(&mut start)?;
        let mut message = start.to_vec();
        message.extend(body(&mut self.client, start)?);
        self.server.write_all(&message)?;

        let (mut flush, mut executed) = (Vec::new(), None);
        loop {
            let mut head = [0; 5];
            self.client.read_exact(&mut head)?;
            let body = body(&mut self.client, [head[1], head[2], head[3], head[4]])?;
            flush.extend_from_slice(&head);
            flush.extend_from_slice(&body);
            match head[0] {
                b'P' => {
                    let (name, sql) = (text(&body), text(&body[text(&body).len() + 1..]));
                    self.statements.insert(name.to_vec(), label::of(&String::from_utf8_lossy(sql)));
                    continue;
                }
                b'B' => {
                    let name = text(&body[text(&body).len() + 1..]);
                    self.bound = self.statements.get(name).cloned().unwrap_or_default();
                    continue;
                }
                b'E' => {
                    executed = Some(self.bound.clone());
                    continue;
                }
                b'Q' => executed = Some(label::of(&String::from_utf8_lossy(text(&body)))),
                // Describe and Close wait for the Sync behind them.
                b'D' | b'C' => continue,
                b'S' => {}
                // A password, a goodbye: no reply that ends in ReadyForQuery.
                _ => {
                    self.server.write_all(&flush)?;
                    flush.clear();
                    continue;
                }
            }
            let moment = executed.take().and_then(|label| self.control.step(label, &flush));
            if !self.forward(&flush, moment)? {
                return Ok(());
            }
            flush.clear();
        }
    }

    /// False when the process has been killed.
    fn forward(&mut self, flush: &[u8], moment: Option<Moment>) -> io::Result<bool> {
        let sent = match moment {
            Some(Moment::Before) => 0,
            Some(Moment::Half) => flush.len() / 2,
            _ => flush.len(),
        };
        owe(&self.owed, if moment.is_some() { Reply::KillAt } else { Reply::PassOn });
        self.server.write_all(&flush[..sent])?;
        let now = matches!(moment, Some(Moment::Before | Moment::Half | Moment::Forwarded));
        if now {
            self.control.kill();
        }
        Ok(!now)
    }
}

/// From the server to the client.
fn pass_answers(
    mut client: &TcpStream,
    mut server: &TcpStream,
    owed: &Owed,
    control: &Control,
) -> io::Result<()> {
    loop {
        let mut head = [0; 5];
        server.read_exact(&mut head)?;
        let body = body(&mut server, [head[1], head[2], head[3], head[4]])?;
        let complete = head[0] == b'Z';
        let mut owed = owed.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = if complete { owed.pop_front() } else { owed.front().copied() };
        drop(owed);
        if reply == Some(Reply::KillAt) {
            if complete {
                control.kill();
                return Ok(());
            }
            continue;
        }
        // In one piece: two would wait for each other's acknowledgement.
        client.write_all(&[&head[..], &body].concat())?;
    }
}

fn owe(owed: &Owed, reply: Reply) {
    owed.lock().unwrap_or_else(PoisonError::into_inner).push_back(reply);
}

/// What follows a length, which counts itself.
fn body(stream: &mut impl Read, length: [u8; 4]) -> io::Result<Vec<u8>> {
    let length = u32::from_be_bytes(length).checked_sub(4).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// Up to the zero that ends a text.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Both threads wake up, and the server learns that its client is gone.
fn close(client: &TcpStream, server: &TcpStream) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
