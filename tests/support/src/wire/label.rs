//! Short names for statements: what a step does, not with which values.

/// The verb and the table: `begin`, `insert into task`, `update outbox set published_at`. Of a
/// statement with several parts, the part that writes.
pub fn of(sql: &str) -> String {
    let code: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join(" ").replace(['(', ')', ';'], " ").to_lowercase();
    let words: Vec<&str> = code.split_whitespace().collect();
    for at in 0..words.len() {
        match &words[at..] {
            ["insert", "into", table, ..] => return format!("insert into {table}"),
            ["delete", "from", table, ..] => return format!("delete from {table}"),
            ["update", table, "as", _, "set", column, ..] => return format!("update {table} set {column}"),
            // A literal tells one change of a state from another.
            ["update", table, "set", column, "=", value, ..] if value.starts_with('\'') => {
                return format!("update {table} set {column} = {}", value.trim_end_matches(','));
            }
            ["update", table, "set", column, ..] => return format!("update {table} set {column}"),
            _ => {}
        }
    }
    match words.as_slice() {
        ["start", "transaction", ..] | ["begin", ..] => "begin".to_owned(),
        // The last one: subqueries stand before it.
        ["select" | "with", ..] => match words.iter().rposition(|word| *word == "from") {
            Some(at) => format!("select from {}", words[at + 1..].first().copied().unwrap_or_default()),
            None => words.iter().take(2).copied().collect::<Vec<_>>().join(" "),
        },
        [] => "ping".to_owned(),
        [verb, ..] => (*verb).to_owned(),
    }
}

#[test]
fn statements_are_named_by_what_they_write() {
    for (sql, label) in [
        ("BEGIN", "begin"),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "begin"),
        ("COMMIT", "commit"),
        ("", "ping"),
        ("select 1", "select 1"),
        ("select a, exists (select from claimed) from task where id = $1", "select from task"),
        ("insert into inbox (handler) values ($1)", "insert into inbox"),
        ("with m as (select 1 from outbox) insert into outbox(id) select 1", "insert into outbox"),
        (
            "with due as (select 1 for update skip locked) update outbox set due_at = 1",
            "update outbox set due_at",
        ),
        ("update task set state = 'succeeded', result = $2", "update task set state = 'succeeded'"),
        ("update task as mine set state = case when 1 then 2 end", "update task set state"),
        ("-- a remark\nupdate task -- another\nset state = case when $3 then 1 end", "update task set state"),
        (
            "insert into strike values ($1) on conflict (id) do update set strikes = strike.strikes + 1",
            "insert into strike",
        ),
    ] {
        assert_eq!(of(sql), label, "{sql}");
    }
}
