//! The RPC services of `protos/`, over Connect and gRPC-Web.
use app_core::{App, Need, interfaces::rpc, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), rpc::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::Tokens, Need::Queues]).await?; // once per cold start
    let methods = grpc::methods(app.config().launch_mode);
    rpc::serve(app, methods).await
}
