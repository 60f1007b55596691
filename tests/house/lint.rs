//! template.yaml by the book: cfn-lint on the template and what SAM makes of it.

use std::{fs, path::Path, process::Command};

use app_core::testing::setting;

/// What cfn-lint says, and whether it is content.
fn lint(template: &Path) -> (bool, String) {
    let program = Path::new(&setting("TEST_PYTHON")).with_file_name("cfn-lint");
    let output = Command::new(program)
        .args(["--regions", "eu-central-1", "--template"])
        .arg(template)
        .output()
        .expect("cfn-lint runs: `cargo xtask` installs it");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), text)
}

#[test]
fn the_template_is_clean_and_a_misspelt_property_is_not() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let (content, said) = lint(&path);
    assert!(content, "{said}");

    let broken =
        fs::read_to_string(&path).expect("template.yaml").replace("VisibilityTimeout:", "VisibilityTimeOut:");
    let copy = std::env::temp_dir().join(format!("template-{}.yaml", std::process::id()));
    fs::write(&copy, broken).expect("a copy");
    let (content, said) = lint(&copy);
    fs::remove_file(&copy).expect("the copy goes");
    assert!(!content && said.contains("VisibilityTimeOut"), "{said}");
}
