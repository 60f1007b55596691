//! The messages, which build.rs generates from `protos/`: one module for each package.

#![allow(unreachable_pub, missing_debug_implementations, clippy::all, reason = "generated code")]

pub mod debug {
    include!(concat!(env!("OUT_DIR"), "/grpc.pb.debug.rs"));
    include!(concat!(env!("OUT_DIR"), "/grpc.pb.debug.serde.rs"));
}

pub mod example {
    include!(concat!(env!("OUT_DIR"), "/grpc.pb.example.rs"));
    include!(concat!(env!("OUT_DIR"), "/grpc.pb.example.serde.rs"));
}

pub mod health {
    include!(concat!(env!("OUT_DIR"), "/grpc.health.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/grpc.health.v1.serde.rs"));
}
