//! The address of a database: a port on which connections are passed on to the server that it leads to now. The
//! name of a database behaves so in a failover: connections that are open stay with their server.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use test_support::wire::database::wait;

pub(crate) struct Address {
    pub(crate) port: u16,
    leads_to: Arc<AtomicU16>,
}

impl Address {
    pub(crate) fn of(server: u16) -> Self {
        let leads_to = Arc::new(AtomicU16::new(server));
        let listener = wait(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let serving = serve(listener, Arc::clone(&leads_to));
        wait(async { drop(tokio::spawn(serving)) });
        Self { port, leads_to }
    }

    pub(crate) fn lead_to(&self, server: u16) {
        self.leads_to.store(server, Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, leads_to: Arc<AtomicU16>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let server = SocketAddr::from(([127, 0, 0, 1], leads_to.load(Ordering::SeqCst)));
        tokio::spawn(async move {
            // Without a server the client sees its connection end.
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
