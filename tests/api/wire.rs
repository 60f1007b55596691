//! A wire between an app and Postgres that counts round trips and can be cut at any of them.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use app_core::{config::Config, testing::TestApp};
use futures_util::{FutureExt, future::LocalBoxFuture};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Where in a round trip the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never hears the question.
    Question,
    /// The server has done it; its reply is lost.
    Reply,
}

#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    /// The number of complete round trips, connecting included. Messages that are sent together count as one.
    round_trips: AtomicI64,
    /// Replies that are still to come; each ends in ReadyForQuery.
    owed: AtomicI64,
    /// The number of the round trip to cut, counted from 1; none below that.
    cut_at: AtomicI64,
    cut: std::sync::Mutex<Cut>,
}

impl Wire {
    async fn to(host: String, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let state = Arc::new(State {
            round_trips: AtomicI64::new(0),
            owed: AtomicI64::new(0),
            cut_at: AtomicI64::new(0),
            cut: std::sync::Mutex::new(Cut::Question),
        });
        let wire = Self { port: listener.local_addr().expect("an address").port(), state: state.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect((host.as_str(), port)).await.expect("the test database");
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                tokio::spawn(carry(client, server, state.clone()));
            }
        });
        wire
    }

    /// How many round trips `work` takes.
    pub(crate) fn count<'w, T>(&'w self, work: impl Future<Output = T> + 'w) -> LocalBoxFuture<'w, (T, i64)> {
        async {
            let before = self.state.round_trips.load(Ordering::SeqCst);
            let outcome = work.await;
            (outcome, self.state.round_trips.load(Ordering::SeqCst) - before)
        }
        .boxed_local()
    }

    /// Cuts the connection at the `number`th round trip from now.
    pub(crate) fn cut_at(&self, number: i64, cut: Cut) {
        *self.state.cut.lock().expect("no panic") = cut;
        self.state.cut_at.store(self.state.round_trips.load(Ordering::SeqCst) + number, Ordering::SeqCst);
    }

    /// Whether the cut has been made; takes it back if it has not.
    pub(crate) fn was_cut(&self) -> bool {
        self.state.cut_at.swap(0, Ordering::SeqCst) == 0
    }
}

/// An app whose only connection runs over a wire.
pub(crate) async fn wired(change: impl FnOnce(&mut Config)) -> (TestApp, Wire) {
    let probe = app_core::testing::setting("DATABASE_URL");
    let url: tokio_postgres::Config = probe.parse().expect("a URL");
    let wire = Wire::to("127.0.0.1".into(), url.get_ports()[0]).await;
    let port = wire.port;
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.port = port;
            database.pool_size = 1;
        }
        change(config);
    })
    .await;
    (app, wire)
}

async fn carry(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever ends first takes the other one with it: both sockets close.
    tokio::select! {
        () = questions(from_client, to_server, &state) => {}
        () = replies(from_server, to_client, &state) => {}
    }
}

impl State {
    fn cuts(&self, number: i64, place: Cut) -> bool {
        *self.cut.lock().expect("no panic") == place
            && self.cut_at.compare_exchange(number, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// The first message has no type; of the others a query and a Sync are answered by ReadyForQuery.
async fn questions(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let (mut buffer, mut unread, mut started) = ([0; 65_536], Vec::new(), false);
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let waits_already = state.owed.load(Ordering::SeqCst) > 0;
        let number = state.round_trips.load(Ordering::SeqCst) + 1;
        if !waits_already && state.cuts(number, Cut::Question) {
            return;
        }
        unread.extend_from_slice(&buffer[..length]);
        while let Some(kind) = take_message(&mut unread, &mut started) {
            if matches!(kind, b'Q' | b'S') {
                state.owed.fetch_add(1, Ordering::SeqCst);
            }
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Takes a whole message off the front, and says of which kind it is; the start-up counts as a query.
fn take_message(bytes: &mut Vec<u8>, started: &mut bool) -> Option<u8> {
    let (kind, at) = if *started { (*bytes.first()?, 1) } else { (b'Q', 0) };
    let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
    if bytes.len() < at + length {
        return None;
    }
    bytes.drain(..at + length);
    *started = true;
    Some(kind)
}

/// Reads whole messages: a type, a length, a body.
async fn replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let mut message = Vec::new();
    loop {
        let mut head = [0; 5];
        if from.read_exact(&mut head).await.is_err() {
            return;
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
        message.clear();
        message.extend_from_slice(&head);
        message.resize(5 + length, 0);
        if from.read_exact(&mut message[5..]).await.is_err() {
            return;
        }
        // The last one that the client waits for.
        if head[0] == b'Z' && state.owed.fetch_sub(1, Ordering::SeqCst) == 1 {
            let number = state.round_trips.load(Ordering::SeqCst) + 1;
            if state.cuts(number, Cut::Reply) {
                return;
            }
            state.round_trips.store(number, Ordering::SeqCst);
        }
        // What came before the last message has arrived: a reply is lost as a whole or in part.
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}
