use app_core::{
    application::tasks::{Enqueue, say_meow::SayMeow},
    testing::{Event, TestApp, event},
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Response, allow, call, sign_in, sign_up, signed_in};

fn of(task: &str, access: &str) -> Event {
    let mut event = event("tasks-get").bearer(access);
    event.0["pathParameters"]["uuid"] = json!(task);
    event
}

async fn get(app: &TestApp, task: &str, access: &str) -> Response {
    call(app, tasks_get::handler, &of(task, access)).await
}

/// A task of this user.
pub(crate) async fn start(app: &TestApp, owner: &str) -> String {
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    let owner = Uuid::parse_str(owner).expect("a uuid");
    let task = Enqueue::new(&SayMeow { to: Some(owner) }).expect("a task").owner(owner);
    let id = task.write(&mut tx).await.expect("a task");
    tx.commit().await.expect("commit");
    id.to_string()
}

#[tokio::test]
async fn a_task_tells_its_owner_what_became_of_it() {
    let app = TestApp::new().await;
    let me = signed_in(&app).await;
    let (owner, access) = (me.text("/user_data/uuid"), me.text("/access"));
    let id = start(&app, &owner).await;
    let response = get(&app, &id, &access).await;
    assert_eq!(response.status, 200, "{response:?}");
    let waiting = json!({
        "uuid": id, "name": "say_meow", "status": "queued", "attempts": 0,
        "result": null, "error_code": null, "error": null, "created_at": response.body["created_at"], "finished_at": null,
    });
    assert_eq!(response.body, waiting);

    let client = app.database.client().await;
    let done = "update task set state = 'succeeded', result = '{\"said\": \"meow\"}', finished_at = now()";
    client.batch_execute(done).await.expect("update");
    let response = get(&app, &id.to_uppercase(), &access).await;
    assert_eq!(
        (response.text("/status"), response.text("/result/said")),
        ("succeeded".into(), "meow".into())
    );
    assert_eq!(response.body["attempts"], 1);
    assert!(response.text("/finished_at").ends_with('Z'));
}

#[tokio::test]
async fn a_failed_task_tells_a_code_and_a_sentence_and_no_cause() {
    let app = TestApp::new().await;
    let me = signed_in(&app).await;
    let id = start(&app, &me.text("/user_data/uuid")).await;
    let client = app.database.client().await;
    for (stored, code) in [
        ("unavailable", "unavailable"),
        ("superseded", "superseded"),
        // As older versions wrote it.
        ("mail unavailable: Connection refused (smtp.internal:465)", "internal"),
    ] {
        let update = "update task set state = 'failed', error = $1, finished_at = now()";
        client.execute(update, &[&stored]).await.expect("update");
        let response = get(&app, &id, &me.text("/access")).await;
        assert_eq!(response.text("/error_code"), code);
        let sentence = response.text("/error");
        assert!(sentence.ends_with('.') && !sentence.contains("internal:465"), "{sentence}");
    }
}

#[tokio::test]
async fn somebody_elses_task_is_as_if_it_were_not_there() {
    let app = TestApp::new().await;
    let me = signed_in(&app).await;
    let theirs = start(&app, &me.text("/user_data/uuid")).await;
    assert_eq!(sign_up(&app, "eve@example.com").await.status, 200);
    let eve = sign_in(&app, "eve@example.com", "correct horse battery").await.text("/access");
    let hidden = get(&app, &theirs, &eve).await;
    let absent = get(&app, &Uuid::from_u128(7).to_string(), &eve).await;
    let strip = |response: &Response| {
        let mut body = response.is_error(404, "not_found").body.clone();
        body["error_id"] = json!(null);
        body
    };
    assert_eq!(strip(&hidden), strip(&absent));
    get(&app, "meow", &eve).await.is_error(404, "not_found");
    allow(&app, &["users:read", "audit:read"]).await;
    get(&app, &theirs, &eve).await.is_error(404, "not_found");
    get(&app, &theirs, "no token").await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn whoever_may_read_tasks_sees_those_of_others() {
    let app = TestApp::new().await;
    let theirs = start(&app, &signed_in(&app).await.text("/user_data/uuid")).await;
    assert_eq!(sign_up(&app, "eve@example.com").await.status, 200);
    let eve = sign_in(&app, "eve@example.com", "correct horse battery").await.text("/access");
    allow(&app, &["tasks:read"]).await;
    let response = get(&app, &theirs, &eve).await;
    assert_eq!((response.status, response.text("/uuid")), (200, theirs));
    get(&app, &Uuid::from_u128(7).to_string(), &eve).await.is_error(404, "not_found");
}
