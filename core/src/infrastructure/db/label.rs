//! The name of a statement in a trace: what it does to which table. Values are parameters, so a text has none; and only
//! words that follow a keyword of SQL get into the name.

/// Returns for example `select from user_account`, or `update task, insert into outbox` for one that changes two tables.
pub(super) fn label(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let words = lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || c == '('));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut changes: Vec<String> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let (before, after) = (place.checked_sub(1).map_or("", |before| words[before]), words.get(place + 1));
        let change = match (before, *word) {
            ("insert", "into") => "insert into",
            ("delete", "from") => "delete from",
            // Not in `for update`, `do update set`, and `for no key update`.
            (before, "update") if !matches!(before, "for" | "do" | "key") => "update",
            _ => continue,
        };
        if let Some(table) = after.and_then(|word| name(word)) {
            let change = format!("{change} {table}");
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    if !changes.is_empty() {
        return changes.join(", ");
    }
    let mut pairs = words.windows(2);
    let from = pairs.find(|pair| pair[0] == "from" && pair[1] != "select").map(|pair| pair[1]);
    match from.and_then(name) {
        Some(table) => format!("select from {table}"),
        None => words.first().and_then(|word| name(word)).unwrap_or("statement").to_owned(),
    }
}

/// Returns the name at the beginning of a word.
fn name(word: &str) -> Option<&str> {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let end = word.bytes().position(|byte| !is_part(byte)).unwrap_or(word.len());
    Some(&word[..end]).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_named_by_what_it_does_to_which_table() {
        for (text, expected) in [
            ("select id from task where name = $1 for update skip locked", "select from task"),
            ("-- takes one from task\nselect count(*)\nfrom outbox", "select from outbox"),
            ("insert into task(id) values ($1) on conflict (id) do update set name = $2", "insert into task"),
            (
                "with gone as (delete from task where id = $1 returning id)\nupdate outbox set id = $2 from gone",
                "delete from task, update outbox",
            ),
            ("select 1 from (select id from task) t", "select from task"),
            ("savepoint attempt", "savepoint"),
            ("select 'O''Brien@example.com'", "select"),
            ("", "statement"),
        ] {
            assert_eq!(label(text), expected, "{text}");
        }
    }
}
