//! End-to-end and repository tests, in the folders next to this one, and the generator of template.yaml.

pub mod template;
