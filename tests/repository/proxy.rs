//! A proxy in front of Postgres that refuses the startup parameter `options`: a real PgBouncer, as it is
//! configured by default.

use std::net::TcpListener;

use app_core::{
    Error,
    config::Statements,
    infrastructure::db::{Db, Sql},
    testing::{TestDatabase, setting},
};
use xtask::{checkout::Checkout, install::pgbouncer::PgBouncer, skip::skip, stack::database::Database};

use crate::support;

/// Reads a number through the proxy.
async fn ask(port: u16, statements: Statements) -> Result<i32, Error> {
    let database = TestDatabase::empty().await;
    let mut config = database.config();
    (config.port, config.statements) = (port, statements);
    let db: Db = support::db_with(config, "");
    let rows = db.conn().await?.rows("select 7", &[]).await?;
    Ok(rows[0].get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_options_makes_the_error_name_the_setting() {
    let checkout = Checkout::find().expect("the checkout");
    let database = Database::from_url(&setting("DATABASE_URL")).expect("a database");
    for mode in ["transaction", "session"] {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let started = PgBouncer::start(&checkout, &database, port, mode);
        let Some(_proxy) = started.expect("a PgBouncer") else {
            let remedy = "PgBouncer comes from Debian's packages, which need apt-get and dpkg-deb";
            return skip("a proxy that refuses options", "there is no PgBouncer", remedy)
                .expect("a PgBouncer");
        };
        let refused = ask(port, Statements::Prepared).await;
        assert!(
            matches!(&refused, Err(Error::Configuration(why)) if why.contains("DB_STATEMENTS must be `unnamed`")),
            "{mode}: {refused:?}"
        );
        assert_eq!(ask(port, Statements::Unnamed).await.expect("a row"), 7, "{mode}");
    }
}
