//! A new permission: a line in its list, a row in its page, and a migration for administrators.

use anyhow::{Context as _, Result, bail};

use super::plan::Plan;
use super::spec::pascal;
use super::{migration, read};
use crate::checkout::Checkout;

const LIST: &str = "core/src/domain/auth/permission.rs";
const PAGE: &str = "docs/permissions.md";
/// Where the list begins. It ends at the next line that is `}`.
const BEGIN: &str = "\npermissions! {\n";

/// Returns the words of all permissions.
pub fn words(checkout: &Checkout) -> Result<Vec<String>> {
    let text = read(checkout, LIST)?;
    let (begin, end) = block(&text)?;
    let quoted = text[begin..end].split('"').skip(1).step_by(2);
    Ok(quoted.map(str::to_owned).collect())
}

/// Returns what adds a permission: the edited files, and the files of the migration.
pub fn add(checkout: &Checkout, word: &str, allows: &str) -> Result<Plan> {
    let letters = |part: &str| {
        part.split('_').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
    };
    if !word.split_once(':').is_some_and(|(thing, action)| letters(thing) && letters(action)) {
        bail!("`{word}` is not valid; use lower-case words with a colon between them, as in orders:write");
    }
    if words(checkout)?.iter().any(|known| known == word || pascal(known) == pascal(word)) {
        bail!("the permission `{word}` exists, or one with the same type; see {LIST}");
    }
    let allows = allows.trim().trim_end_matches('.');
    if allows.is_empty() || allows.contains(['\n', '|', '"']) {
        bail!("the description must be one line without | and quotes, as in \"Change every order\"");
    }
    let list = with_line(&read(checkout, LIST)?, word, allows)?;
    let page = with_row(&read(checkout, PAGE)?, word, allows)?;
    let texts = migration_texts(word);
    let migration = migration::files(checkout, &migration_name(word), [&texts[0], &texts[1]])?;
    Ok(Plan {
        written: [vec![(LIST.to_owned(), list), (PAGE.to_owned(), page)], migration].concat(),
        documents: true,
        decisions: vec!["which roles have it besides admin: add them to the migration".to_owned()],
        ..Plan::default()
    })
}

/// Returns what removes a permission that `new permission` wrote: its lines and its migration.
pub fn remove(checkout: &Checkout, word: &str) -> Result<Plan> {
    let known = words(checkout)?;
    if !known.iter().any(|known| known == word) {
        bail!("there is no permission `{word}`; {LIST} has: {}", known.join(", "));
    }
    let list = without_line(&read(checkout, LIST)?, word)?;
    let page = without_row(&read(checkout, PAGE)?, word);
    let files = migration::find(checkout, &migration_name(word)).with_context(|| {
        format!("`new permission` has not written `{word}`; a migration must take it from the roles")
    })?;
    let texts = migration_texts(word);
    let changed = |file: &&String| read(checkout, file).is_ok_and(|text| !texts.contains(&text));
    if let Some(file) = files.iter().find(changed) {
        bail!("{file} is not as `new permission` wrote it; remove the permission by hand");
    }
    let written = vec![(LIST.to_owned(), list), (PAGE.to_owned(), page)];
    Ok(Plan {
        written,
        decisions: migration::applied(&files),
        removed: files,
        documents: true,
        ..Plan::default()
    })
}

fn with_line(list: &str, word: &str, allows: &str) -> Result<String> {
    let (_, end) = block(list)?;
    Ok(format!("{}    /// {allows}.\n    {} = \"{word}\",\n{}", &list[..end], pascal(word), &list[end..]))
}

fn without_line(list: &str, word: &str) -> Result<String> {
    let ours = format!("    {} = \"{word}\",", pascal(word));
    let lines: Vec<&str> = list.lines().collect();
    let place = lines.iter().position(|line| *line == ours);
    let place = place.with_context(|| format!("{LIST}: the line `{}` is missing", ours.trim()))?;
    let notes = lines[..place].iter().rev().take_while(|line| line.starts_with("    ///")).count();
    Ok([&lines[..place - notes], &lines[place + 1..]].concat().join("\n") + "\n")
}

fn with_row(page: &str, word: &str, allows: &str) -> Result<String> {
    let table = page.find("\n| permission | allows |\n").with_context(|| format!("{PAGE} has no table"))?;
    let length = page[table..].find("|\n\n").with_context(|| format!("{PAGE}: the table has no end"))?;
    let (before, after) = page.split_at(table + length + 2);
    Ok(format!("{before}| `{word}` | {allows} |\n{after}"))
}

fn without_row(page: &str, word: &str) -> String {
    let row = format!("| `{word}` | ");
    page.split_inclusive('\n').filter(|line| !line.starts_with(&row)).collect()
}

fn migration_name(word: &str) -> String {
    format!("permission_{}", word.replace(':', "_"))
}

fn migration_texts(word: &str) -> [String; 2] {
    [
        format!(
            "-- The permission {word}, for administrators.\n\
             update role set permissions = permissions || '{{{word}}}' where name = 'admin';\n"
        ),
        format!(
            "-- Takes the permission {word} from every role.\n\
             update role set permissions = array_remove(permissions, '{word}');\n"
        ),
    ]
}

/// Returns where the lines of the list begin and end.
fn block(list: &str) -> Result<(usize, usize)> {
    let begin = list.find(BEGIN).with_context(|| format!("{LIST}: the line `permissions! {{` is missing"))?;
    let begin = begin + BEGIN.len();
    let length = list[begin..].find("\n}\n").with_context(|| format!("{LIST}: the list has no end"))?;
    Ok((begin, begin + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_the_last_one_and_goes_without_a_trace() {
        let checkout = Checkout::find().unwrap();
        let added = add(&checkout, "zebras:ride", "Ride every zebra.").unwrap();
        let [(_, list), (_, page), (up, give), (down, _)] = &added.written[..] else { panic!("{added:?}") };
        assert!(list.contains("    /// Ride every zebra.\n    ZebrasRide = \"zebras:ride\",\n}\n"), "{list}");
        assert!(page.contains("|\n| `zebras:ride` | Ride every zebra |\n\n"), "{page}");
        assert!(up.ends_with("_permission_zebras_ride.up.sql") && down.ends_with(".down.sql"), "{up} {down}");
        assert!(give.contains("|| '{zebras:ride}' where name = 'admin'"), "{give}");
        assert_eq!(without_line(list, "zebras:ride").unwrap(), read(&checkout, LIST).unwrap());
        assert_eq!(without_row(page, "zebras:ride"), read(&checkout, PAGE).unwrap());
    }

    #[test]
    fn a_word_that_is_not_one_or_exists_is_refused() {
        let checkout = Checkout::find().unwrap();
        for (word, allows, problem) in [
            ("zebras", "Ride", "is not valid"),
            ("Zebras:ride", "Ride", "is not valid"),
            ("zebras:_ride", "Ride", "is not valid"),
            ("users:read", "Read", "exists"),
            ("zebras:ride", "a | b", "must be one line"),
        ] {
            let error = add(&checkout, word, allows).expect_err("it is refused").to_string();
            assert!(error.contains(problem), "{word}: {error}");
        }
        assert!(remove(&checkout, "zebras:ride").unwrap_err().to_string().contains("there is no permission"));
        let error = remove(&checkout, "users:read").unwrap_err().to_string();
        assert!(error.contains("`new permission` has not written `users:read`"), "{error}");
    }
}
