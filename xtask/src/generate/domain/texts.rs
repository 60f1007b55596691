//! The files of a domain, made from the texts in this folder.

use anyhow::Result;

use super::super::rust::formatted;
use super::super::{migration, texts};
use super::{Domain, Part, response_file, words};
use crate::checkout::Checkout;

impl Part {
    /// Returns the texts of its handler and of its test.
    fn texts(self) -> [&'static str; 2] {
        match self {
            Self::Create => [include_str!("create.rs.txt"), include_str!("create_tests.rs.txt")],
            Self::Get => [include_str!("get.rs.txt"), include_str!("get_tests.rs.txt")],
            Self::List => [include_str!("list.rs.txt"), include_str!("list_tests.rs.txt")],
        }
    }
}

impl Domain {
    /// Returns all its files with their texts.
    pub(super) fn files(&self, checkout: &Checkout) -> Result<Vec<(String, String)>> {
        let many = self.words.many();
        let mut files = self.migration(checkout)?;
        for (file, text) in [
            (format!("{}/mod.rs", self.folder()), include_str!("entity.rs.txt")),
            (format!("{}/events.rs", self.folder()), include_str!("events.rs.txt")),
            (format!("core/src/infrastructure/repository/{many}.rs"), include_str!("repository.rs.txt")),
            (format!("core/src/application/{many}.rs"), include_str!("application.rs.txt")),
        ] {
            files.push((file, self.code(text)?));
        }
        if self.shares_its_response() {
            let text = self.with_response(include_str!("responses.rs.txt"), "crate");
            files.push((response_file(many), self.code(&text)?));
        }
        for part in &self.parts {
            files.extend(self.function(*part)?);
        }
        Ok(files)
    }

    /// Returns the files of an endpoint: those of any endpoint, with the handler and the test of the domain.
    fn function(&self, part: Part) -> Result<Vec<(String, String)>> {
        let endpoint = self.endpoint(part)?;
        let [handler, test] = part.texts().map(|text| text.replace("<function>", &endpoint.name));
        let handler = self.code(&self.with_response(&handler, "app_core"))?;
        let test = self.code(&test)?;
        let mut files = endpoint.files()?;
        for (file, text) in &mut files {
            match file.rsplit('/').next() {
                Some("Cargo.toml") => *text = texts::manifest(&endpoint.name, &handler),
                Some("lib.rs") => text.clone_from(&handler),
                Some("tests.rs") => text.clone_from(&test),
                _ => {}
            }
        }
        Ok(files)
    }

    /// Returns the two files of its migration, under their number if they exist.
    fn migration(&self, checkout: &Checkout) -> Result<Vec<(String, String)>> {
        let many = self.words.many();
        let [up, down] = [include_str!("up.sql"), include_str!("down.sql")].map(|text| self.fill(text));
        match migration::find(checkout, many) {
            Ok(files) => Ok(files.into_iter().zip([down, up]).collect()),
            Err(_) => migration::files(checkout, many, [&up, &down]),
        }
    }

    fn with_response(&self, text: &str, core: &str) -> String {
        text.replace("<response>", include_str!("response.rs.txt")).replace("<crate>", core)
    }

    fn code(&self, text: &str) -> Result<String> {
        formatted(&self.fill(text))
    }

    /// Returns a text of the folder `domain/` for this domain.
    pub(super) fn fill(&self, text: &str) -> String {
        let alone = !self.shares_its_response();
        let kept = words::blocks(text, |block| match block {
            "alone" => alone,
            "shared" => !alone,
            part => self.parts.iter().any(|known| known.word() == part),
        });
        self.words.fill(&kept)
    }
}
