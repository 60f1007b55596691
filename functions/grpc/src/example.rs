//! `ExampleService`: the smallest possible handler.

use app_core::{
    App, Result,
    interfaces::http::{Caller, SignedIn},
};

use crate::messages::example::{ExampleReq, ExampleResp};

pub(crate) async fn get_example(_: App, _: ExampleReq, _: Caller<SignedIn>) -> Result<ExampleResp> {
    Ok(ExampleResp { example_message: "OK".to_owned() })
}
