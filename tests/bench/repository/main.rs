//! What the repository costs above the statements that one would write by hand.
//!
//! Every line is measured in the same run as its floor, turn by turn, because machines differ and
//! a busy one changes from second to second: read the ratios, not the times. `--json` prints the
//! same for a program. `cargo xtask bench repository` gives it the database it needs.

mod building;
mod item;
mod reads;
mod writes;

use app_core::testing::TestDatabase;
use xtask::measure;

#[tokio::main(flavor = "current_thread")] // As a function runs.
async fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let database = TestDatabase::empty().await;
    let raw = database.client().await;
    raw.batch_execute(item::TABLE).await.expect("the tables");
    let db = database.db().expect("a pool");
    let conn = db.conn().await.expect("a connection");

    let mut groups = vec![building::run()];
    item::fill(&raw).await;
    groups.extend(reads::run(&conn, &raw).await);
    groups.push(writes::create(&conn, &raw).await);
    groups.push(writes::update(&conn, &raw).await);
    if json {
        println!("{:#}", measure::json(&groups));
    } else {
        measure::print(&groups);
    }
}
