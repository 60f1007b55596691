//! What the daily tasks ask.

use app_core::{
    infrastructure::repository::{
        audit_retention,
        clean_up::{BATCH, BY_IDS, ENDED_TASKS, Expired, delete_statement},
        personal::Whose,
    },
    testing::TestDatabase,
};
use tokio_postgres::Client;

use super::{assert_bounded, filled, pages, plan, scanned};
use crate::explain::rows;

/// Rows of each kind that the clean-up has to leave.
const NOT_EXPIRED: &str = "
    insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
      select n::text, gen_random_uuid(), 'a', 'k', now(), now(), now(), now() from generate_series(1, $rows) as n;
    insert into outbox (id, queue, body, published_at)
      select lpad(to_hex(n), 32, '0')::uuid, 'events', '{}', now() from generate_series(1, $rows) as n;
    insert into inbox (handler, message_id)
      select 'h', lpad(to_hex(n), 32, '0')::uuid from generate_series(1, $rows) as n;
    insert into task (id, name, queue, args, state, finished_at)
      select lpad(to_hex(n), 32, '0')::uuid, 'old', 'tasks', '{}', 'succeeded', now() from generate_series(1, $rows) as n;
    insert into dead_letter (queue, message_id, reason)
      select 'events', n::text, 'r' from generate_series(1, $rows) as n;
    insert into strike (queue, message_id, strikes)
      select 'events', n::text, 1 from generate_series(1, $rows) as n;
    insert into rate_limit (bucket, key, tat, allowed)
      select 'b', int4send(n::int), now() + interval '1 day', true from generate_series(1, $rows) as n;
    insert into users (email) values ('ada@example.com');
    insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
      select n::text, uuid, 'k', sha256('k'), '{}', now(), now() from users, generate_series(1, $rows) as n;
    insert into sign_in_place (key, user_uuid, until)
      select decode(lpad(to_hex(n), 32, '0'), 'hex'), uuid, now() + interval '1 day' from users, generate_series(1, $rows) as n;
    insert into idempotency_key (user_uuid, route, key, fingerprint)
      select gen_random_uuid(), 'r', 'k', decode(repeat('00', 16), 'hex') from generate_series(1, $rows) as n;
    insert into key_value (key, value, expires_at)
      select n::text, 'v', now() + interval '1 day' from generate_series(1, $rows) as n;
    insert into challenge (id, purpose, created_at, expires_at)
      select lpad(to_hex(n), 32, '0')::uuid, 'p', now(), now() + interval '1 day' from generate_series(1, $rows) as n;
    insert into text_message (challenge, number_range, is_proved, at)
      select lpad(to_hex(n), 32, '0')::uuid, '+4930', false, now() from generate_series(1, $rows) as n;
    insert into text_message_day (day, country, sent, unproved)
      select current_date, n::text, 1, 0 from generate_series(1, $rows) as n;
    insert into audit_log (action, outcome) select 'sign_in', 'success' from generate_series(1, $rows);
    analyze";

/// The statement in the function that prunes the audit log.
async fn pruning(client: &Client) -> String {
    let query = "select prosrc from pg_proc
                 where proname = 'prune_audit_log' and pronamespace = current_schema()::regnamespace";
    let body: String = client.query_one(query, &[]).await.expect("the function").get(0);
    body.replace("limit most", "limit $1")
}

#[tokio::test]
async fn an_operator_who_prunes_the_audit_log_does_not_read_what_is_kept() {
    let (_database, client) = filled(NOT_EXPIRED).await;
    let arguments = ("(timestamptz, int8)", format!("('2020-01-01', {})", audit_retention::BATCH));
    assert_bounded(&client, "audit_log", audit_retention::PRUNE, &arguments).await;
}

#[tokio::test]
async fn the_clean_up_does_not_read_what_it_leaves() {
    let (_database, client) = filled(NOT_EXPIRED).await;
    for what in Expired::ALL {
        let arguments = ("(int8)", format!("({BATCH})"));
        let statement =
            if what == Expired::AuditLog { pruning(&client).await } else { delete_statement(what) };
        assert_bounded(&client, what.table(), &statement, &arguments).await;
    }
    let ids: Vec<String> = (1..=3).map(|n| uuid::Uuid::from_u128(n).to_string()).collect();
    let arguments = ("(uuid[])", format!("('{{{}}}')", ids.join(",")));
    for statement in BY_IDS.into_iter().chain([ENDED_TASKS]) {
        assert_bounded(&client, statement, statement, &arguments).await;
    }
}

/// Accounts that nobody has proved. All were used, so the eraser looks at each of them.
const USED: &str = "
    insert into users (email, created_at)
      select n || '@example.com', now() - interval '1 year' from generate_series(1, $rows) as n;
    insert into audit_log (action, outcome, actor, subject)
      select action, 'success', uuid, uuid from users, unnest(array['sign_up', 'sign_in']) as action;
    insert into challenge (id, purpose, user_uuid, epoch, subject, created_at, expires_at)
      select gen_random_uuid(), 'verify_email', uuid, 0, 'a', created_at, created_at from users;
    vacuum analyze users; vacuum analyze audit_log; vacuum analyze challenge";

#[tokio::test]
async fn a_page_of_the_eraser_looks_at_the_rows_of_its_users_only() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    for statement in USED.replace("$rows", &rows().to_string()).split(';') {
        client.batch_execute(statement).await.expect("rows");
    }
    let types = "(timestamptz, timestamptz, timestamptz, uuid)";
    let arguments = (types, "(now(), now() - interval '90 days', null, null)".to_owned());
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = plan(&client, &Whose::Unused.statement(), &arguments, mode).await;
        println!("eraser, {mode}: {} pages, {} rows", pages(&plan), scanned(&plan));
        // A hundred users, with at most three rows of each.
        assert!(scanned(&plan) <= 1_000, "{mode}: {plan:#}");
    }
}
