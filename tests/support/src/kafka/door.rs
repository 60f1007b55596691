//! A proxy in front of the broker. It passes frames on, and adds TLS and a login, which the broker here lacks. It can
//! also hang, lose a partition or refuse a record, which a healthy broker does not do.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{
    frames::{
        API_VERSIONS, Header, PRODUCE, Reader, SASL_AUTHENTICATE, SASL_HANDSHAKE, read, refusal,
        topic_and_partition, write,
    },
    free_port,
    scram::{Scram, Step},
};
use crate::tls;

const MECHANISM: &str = "SCRAM-SHA-512";
/// Kafka's numbers.
const MESSAGE_TOO_LARGE: i16 = 10;
const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
const SASL_AUTHENTICATION_FAILED: i16 = 58;

/// What a request to write meets.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    /// It is read, and never answered.
    pub hangs: bool,
    /// In this partition the connection ends instead.
    pub lost: Option<i32>,
    /// A batch with this in it is too large.
    pub disliked: Option<&'static str>,
}

/// Who may come in, and by which password; shared, so that it can be changed.
pub type Account = Arc<Mutex<(String, String)>>;

#[derive(Clone)]
pub struct Door {
    /// Where it listens.
    pub port: u16,
    /// Where the broker has to be.
    pub broker: u16,
    weather: Arc<Mutex<Weather>>,
    /// None: everybody, without encryption.
    account: Option<Account>,
}

impl Door {
    /// Open to all.
    pub async fn open() -> Self {
        Self::serve(None, None).await
    }

    /// With TLS as `localhost` and a login. Also returned is the certificate, which signs itself.
    pub async fn locked(account: Account) -> (Self, String) {
        let (acceptor, certificate) = tls::localhost();
        (Self::serve(Some(account), Some(acceptor)).await, certificate)
    }

    async fn serve(account: Option<Account>, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let door = Self { port, broker: free_port(), weather: Arc::default(), account };
        let own = door.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (door, acceptor) = (own.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => door.guest(stream).await,
                        Some(acceptor) => door.guest(acceptor.accept(stream).await?).await,
                    }
                });
            }
        });
        door
    }

    pub fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// One connection, frame by frame; the client asks one thing at a time on each.
    async fn guest(self, mut client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut broker = TcpStream::connect(("127.0.0.1", self.broker)).await?;
        let mut login = self.account.as_ref().map(|account| {
            let (user, password) = account.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Scram::new(&user, &password)
        });
        loop {
            let frame = read(&mut client).await?;
            let (header, mut rest) = Header::of(&frame);
            match (header.key, &mut login) {
                (SASL_HANDSHAKE, Some(_)) => {
                    let code =
                        if rest.string() == MECHANISM.as_bytes() { 0 } else { UNSUPPORTED_SASL_MECHANISM };
                    let mut answer = header.id.to_be_bytes().to_vec();
                    answer.extend(code.to_be_bytes());
                    answer.extend(1_i32.to_be_bytes());
                    answer.extend((MECHANISM.len() as i16).to_be_bytes());
                    answer.extend(MECHANISM.as_bytes());
                    write(&mut client, &answer).await?;
                }
                (SASL_AUTHENTICATE, Some(scram)) => {
                    let (code, text) = match scram.step(&sasl_bytes(rest)) {
                        Step::Go(text) => (0, text),
                        Step::Welcome(text) => {
                            login = None;
                            (0, text)
                        }
                        Step::Refused => (SASL_AUTHENTICATION_FAILED, String::new()),
                    };
                    write(&mut client, &sasl_answer(&header, code, &text)).await?;
                }
                (key, Some(_)) if key != API_VERSIONS => return Err(io::Error::other("who is that?")),
                (PRODUCE, _) => {
                    let weather = self.weather.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let (topic, partition) = topic_and_partition(&mut rest);
                    if weather.lost == Some(partition) {
                        return Ok(());
                    }
                    if weather.hangs {
                        std::future::pending::<()>().await;
                    }
                    let contains =
                        |word: &str| frame.windows(word.len()).any(|window| window == word.as_bytes());
                    if weather.disliked.is_some_and(contains) {
                        write(&mut client, &refusal(header.id, topic, partition, MESSAGE_TOO_LARGE)).await?;
                    } else {
                        hand_on(&mut client, &mut broker, &frame).await?;
                    }
                }
                _ => hand_on(&mut client, &mut broker, &frame).await?,
            }
        }
    }
}

async fn hand_on(
    client: &mut (impl AsyncWrite + Unpin),
    broker: &mut TcpStream,
    frame: &[u8],
) -> io::Result<()> {
    write(broker, frame).await?;
    let answer = read(broker).await?;
    write(client, &answer).await
}

/// What is said in a request of version 2, on which broker and library agree. Lengths are written in
/// groups of seven bits and are one more than they are; behind header and request fields might follow.
fn sasl_bytes(mut rest: Reader<'_>) -> String {
    // No fields behind the header.
    rest.take(1);
    let mut length = 0;
    for shift in [0, 7] {
        let byte = rest.take(1).first().copied().unwrap_or(0);
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    String::from_utf8_lossy(rest.take(length.saturating_sub(1))).into_owned()
}

fn sasl_answer(header: &Header, code: i16, text: &str) -> Vec<u8> {
    let mut answer = header.id.to_be_bytes().to_vec();
    // No fields behind the header, the code, and no words for it.
    answer.push(0);
    answer.extend(code.to_be_bytes());
    answer.push(0);
    let length = text.len() + 1;
    answer.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
    answer.extend(text.as_bytes());
    // A session without an end, and no fields.
    answer.extend(0_i64.to_be_bytes());
    answer.push(0);
    answer
}
