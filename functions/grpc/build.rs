//! Makes the messages of `protos/`, and their JSON form.

use std::{env, fs, path::Path};

use prost::Message;

const PROTOS: &str = "../../protos";
/// Ours instead of the library's, which has no JSON form.
const ANY: (&str, &str) = (".google.protobuf.Any", "::app_core::interfaces::rpc::Any");

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    let mut files = Vec::new();
    for entry in fs::read_dir(PROTOS)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort_unstable();
    let descriptors = protox::compile(files, [PROTOS])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("descriptors.bin"), &encoded)?;
    prost_build::Config::new().extern_path(ANY.0, ANY.1).compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .extern_path(ANY.0, ANY.1)
        .build(&[".grpc"])?;
    Ok(())
}
