//! The RPC services of `protos/`, over Connect and gRPC-Web.
use app_core::{Need, interfaces::rpc};

fn main() -> Result<(), rpc::RuntimeError> {
    rpc::main(&[Need::Database, Need::Tokens, Need::Queues], grpc::methods)
}
