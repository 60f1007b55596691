//! The register of personal data and its page: what they say about the table of a domain. Each user gets a copy of
//! the rows, and they are deleted with the user.

use anyhow::{Context as _, Result, bail};

use super::super::read;
use super::super::rust::{with_line, without_line};
use super::Domain;
use crate::checkout::Checkout;

const REGISTER: &str = "core/src/infrastructure/repository/personal/register.rs";
const PAGE: &str = "docs/personal-data.md";

impl Domain {
    /// Returns both files with the table.
    pub(super) fn registered(&self, checkout: &Checkout) -> Result<[(String, String); 2]> {
        let (register, page) = (read(checkout, REGISTER)?, read(checkout, PAGE)?);
        let register =
            with_line(&register, "pub const REGISTER: &[Part] = &[", "\n];", self.part().trim_end())?;
        let last = page.rfind("\n| `").with_context(|| format!("{PAGE} has no table"))? + 1;
        let end = last + page[last..].find('\n').with_context(|| format!("{PAGE}: the table has no end"))?;
        let page = format!("{}\n{}{}", &page[..end], self.row(), &page[end..]);
        Ok([(REGISTER.to_owned(), register), (PAGE.to_owned(), page)])
    }

    /// Returns both files without the table.
    pub(super) fn unregistered(&self, checkout: &Checkout) -> Result<[(String, String); 2]> {
        let (register, page) = (read(checkout, REGISTER)?, read(checkout, PAGE)?);
        let rest = register.replacen(&self.part(), "", 1);
        if rest == register {
            bail!(
                "{REGISTER}: the part of `{}` has changed; put it back or remove it by hand",
                self.words.many()
            );
        }
        Ok([(REGISTER.to_owned(), rest), (PAGE.to_owned(), without_line(&page, &self.row())?)])
    }

    fn part(&self) -> String {
        self.fill(include_str!("part.rs.txt"))
    }

    fn row(&self) -> String {
        self.fill("| `gadgets` | data | <gadgets> | yes | deleted |")
    }
}
