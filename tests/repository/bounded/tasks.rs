//! What operators and the search for lost messages ask about tasks.

use app_core::{infrastructure::repository::task_operations, testing::TestApp};
use tokio_postgres::SimpleQueryMessage;

/// How many pages of the table and its indexes a statement reads, and its plan.
async fn pages_read(client: &tokio_postgres::Client, statement: &str, values: &[&str]) -> (u64, String) {
    let mut text = statement.to_owned();
    for (n, value) in values.iter().enumerate().rev() {
        text = text.replace(&format!("${}", n + 1), &format!("({value})"));
    }
    let explain = format!("explain (analyze, buffers, costs off, timing off) {text}");
    let plan = client.simple_query(&explain).await.expect("a plan");
    let lines: Vec<&str> = plan
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    // The first line of its kind is the whole statement's.
    let buffers = lines.iter().find_map(|line| line.trim().strip_prefix("Buffers: shared "));
    let count = |word: &str| -> u64 {
        let found = buffers.and_then(|line| line.split(' ').find_map(|part| part.strip_prefix(word)));
        found.map_or(0, |number| number.parse().expect("a number"))
    };
    (count("hit=") + count("read="), lines.join("\n"))
}

#[tokio::test]
async fn neither_a_list_nor_the_search_for_lost_messages_reads_the_whole_table() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    // Half of the waiting tasks were given up. Only few have the name that the test asks for.
    let fill = "insert into task (id, name, queue, args, state, since, set_aside_at)
                select gen_random_uuid(), case when n % 3000 = 1 then 'rare' else 'common' end, 'tasks', '{}',
                       (array['succeeded', 'failed', 'queued', 'retrying', 'running'])[n % 5 + 1],
                       now() - n * interval '1 minute', case when n % 2 = 0 then now() - interval '1 day' end
                from generate_series(1, 60000) as n";
    client.batch_execute(fill).await.expect("rows");
    client.batch_execute("vacuum analyze task").await.expect("vacuum");
    let states = "array['queued', 'running', 'retrying', 'failed', 'cancelled']";
    let some = ["now() - interval '9 days'", "'2bb58a19-2001-4a8b-a223-79b2ba7d5229'", "20"];
    let nothing = ["null", "null", "20"];
    for (what, statement, values) in [
        ("all", task_operations::list_statement(false, false), [&[states][..], &nothing].concat()),
        ("behind a place", task_operations::list_statement(false, true), [&[states][..], &some].concat()),
        (
            "of a name",
            task_operations::list_statement(true, false),
            [&[states][..], &nothing, &["'rare'"]].concat(),
        ),
        ("both", task_operations::list_statement(true, true), [&[states][..], &some, &["'rare'"]].concat()),
        ("late", task_operations::late_statement(false), vec!["345600", "1209600", "20", "null", "null"]),
        (
            "the rest",
            task_operations::late_statement(true),
            [&["345600", "1209600", "20"][..], &some[..2]].concat(),
        ),
    ] {
        let (pages, plan) = pages_read(&client, &statement, &values).await;
        assert!(pages < 700 && !plan.contains("Seq Scan"), "{what}: {pages} pages\n{plan}");
    }
}
