//! What taking in a message costs above the statements that it needs, and what the outbox costs
//! when it is full of what has been sent; and a line of the log. As for `bench/repository`, read the ratios.

mod claiming;
mod consuming;
mod logging;

use app_core::testing::TestApp;
use xtask::measure;

#[tokio::main(flavor = "current_thread")] // As a function runs.
async fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let app = TestApp::new().await;
    let raw = app.database.client().await;
    let mut groups = consuming::run(&app, &raw).await;
    groups.push(claiming::run(&app, &raw).await);
    groups.push(logging::run().await);
    if json {
        println!("{:#}", measure::json(&groups));
    } else {
        measure::print(&groups);
        println!("\nTimes are for batches of ten: 10 / time is records a second of one consumer.");
    }
}
