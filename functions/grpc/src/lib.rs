//! The RPC services of `protos/`, over Connect and gRPC-Web. A new method is a handler and one line
//! in `methods`.

mod debug;
mod example;
mod health;
pub mod messages;

use app_core::{config::LaunchMode, interfaces::rpc::Methods};

/// Returns every method with its path. The last argument of a method says who may call it.
pub fn methods(mode: LaunchMode) -> Methods {
    let methods = Methods::default()
        .with("/grpc.pb.debug.DebugService/HealthCheck", debug::health_check)
        .with("/grpc.pb.example.ExampleService/GetExample", example::get_example)
        .with("/grpc.health.v1.Health/Check", health::check);
    match mode {
        LaunchMode::Prod => methods, // sending by hand does not exist in production
        LaunchMode::Local | LaunchMode::Test => {
            methods.with("/grpc.pb.debug.DebugService/SendMessage", debug::send_message)
        }
    }
}

/// The compiled definitions of `protos/`, a `google.protobuf.FileDescriptorSet`, for tests.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
