//! What asking for a code tells, costs and sends.

use super::*;

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_response_and_leave_the_same_rows() {
    let app = TestApp::new().await;
    for name in ["ada", "off"] {
        sign_up(&app, &format!("{name}@example.com")).await;
    }
    run(&app, "update users set is_active = false where email = 'off@example.com'").await;
    app.mails().await;
    let mut rows = Vec::new();
    for email in ["ada@example.com", "nobody@example.com", "off@example.com"] {
        let response = ask(&app, email).await;
        let fields: Vec<&String> = response.body.as_object().expect("an object").keys().collect();
        assert_eq!((response.status, fields), (202, vec![&"id".to_owned()]));
        assert_eq!(app.mails().await.len(), usize::from(email == "ada@example.com"), "{email}");
        // H9: a reader of tasks and results learns nothing.
        let query = "select concat_ws(' ', name, queue, state, result, owner, unique_key, attempt) from task
                     where name = 'send_challenge' and args->>'challenge' = $1";
        let client = app.database.client().await;
        rows.push(
            client.query_one(query, &[&response.text("/id")]).await.expect("a task").get::<_, String>(0),
        );
        refused(&by_code(&app, &response.text("/id"), "K7M2QX4T").await, "code");
    }
    assert!(rows.windows(2).all(|pair| pair[0] == pair[1]), "{rows:?}");
}

#[tokio::test]
async fn asking_is_limited_by_network_and_by_address_alike_for_known_and_unknown() {
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    for email in ["ada@example.com", "nobody@example.com"] {
        for n in 0..4 {
            let response = ask(&app, email).await;
            assert_eq!(response.status, if n < 3 { 202 } else { 429 }, "{email}, {n}: {response:?}");
        }
    }
    // One network may ask thirty times in all, for any addresses.
    for n in 8..31 {
        let response = ask(&app, &format!("somebody-{n}@example.com")).await;
        assert_eq!(response.status, if n < 30 { 202 } else { 429 }, "{n}: {response:?}");
    }
}

#[tokio::test]
async fn no_link_is_built_from_a_header_of_the_request_and_a_task_that_runs_twice_sends_the_same_secret() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    app.mails().await;
    let evil = "evil.example.net";
    let asked = forged(ask_event("ada@example.com"), evil);
    assert_eq!(call(&app, auth_code::handler, &asked).await.status, 202);
    let messages = app.bus.take();
    let first = app.deliver(&messages).await;
    run(&app, "update task set state = 'queued' where name = 'send_challenge'").await;
    let second = app.deliver(&messages).await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!((token(&first[0]), code(&first[0])), (token(&second[0]), code(&second[0])));
    let link = link(&first[0]).expect("a link");
    assert!(link.starts_with("http://localhost:3000/sign-in#token=lnk_"), "{link}");
    assert!(!format!("{:?} {}", first[0], first[0].text()).contains(evil));
}

#[tokio::test]
async fn a_used_or_late_code_is_not_sent() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    app.mails().await;
    assert_eq!(ask(&app, "ada@example.com").await.status, 202);
    app.clock.advance(Duration::minutes(5) + Duration::seconds(1));
    assert_eq!(app.mails().await.len(), 0);
    assert_eq!(ask(&app, "ada@example.com").await.status, 202);
    run(&app, "update challenge set used_at = now()").await;
    assert_eq!(app.mails().await.len(), 0);
}
