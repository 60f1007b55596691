//! The folder that `cargo xtask build` writes.

use std::path::Path;

use serde_json::json;
use xtask::checkout::Checkout;

use super::{Place, aws};

/// The template that `cargo xtask build` writes, as SAM reads it.
#[test]
fn each_code_uri_of_the_built_template_holds_a_program() {
    let place = Place::built_once();
    let code = "
import os
from samtranslator.yaml_helper import yaml_parse
template = yaml_parse(open(given + '/template.yaml').read())
result = {}
for id, one in template['Resources'].items():
    if one['Type'] == 'AWS::Serverless::Function':
        program = os.path.join(given, one['Properties']['CodeUri'], 'bootstrap')
        result[id] = os.access(program, os.X_OK)";
    let found = aws(code, &json!(place.built()));
    let found = found.as_object().expect("functions");
    assert_eq!(
        found.len(),
        Checkout::find().and_then(|checkout| checkout.functions()).expect("functions").len()
    );
    assert!(found.values().all(|is_program| is_program == true), "{found:?}");
    assert!(Path::new(&place.built()).join("template.yaml").is_file());
}
