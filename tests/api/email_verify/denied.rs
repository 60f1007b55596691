//! Users whose unconfirmed address keeps them out.

use super::*;

/// With `UNVERIFIED_SIGN_IN=deny`.
pub(crate) async fn denying() -> TestApp {
    TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.deny_unverified = true;
        }
    })
    .await
}

#[tokio::test]
async fn an_unconfirmed_address_may_be_kept_out_and_gets_the_link_again_once_an_hour() {
    let app = denying().await;
    sign_up(&app, "ada@example.com").await;
    for (email, password) in [
        ("ada@example.com", PASSWORD),
        ("ada@example.com", PASSWORD),
        ("ada@example.com", "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
    ] {
        let response = sign_in(&app, email, password).await;
        response.is_error(401, "unauthenticated");
    }
    // Each refusal emits an event, one an hour for each account. Only one of them names a user.
    let events = "select count(*) from outbox where body like '%sign_in_unverified%'";
    assert_eq!(count(&app, events).await, 3);
    let of_users = "select count(*) from outbox join users on position(uuid::text in body) > 0
                    where body like '%sign_in_unverified%'";
    assert_eq!(count(&app, of_users).await, 1);
    assert_eq!(
        count(&app, "select count(*) from audit_log where details->>'reason' = 'unverified'").await,
        2
    );
    app.clock.advance(Duration::hours(1));
    sign_in(&app, "ada@example.com", PASSWORD).await.is_error(401, "unauthenticated");
    assert_eq!((count(&app, events).await, count(&app, of_users).await), (4, 2), "an hour later");
    let mail = asked_by_task(&app).await.expect("a mail");
    assert!(!mail.text().contains("code"), "nobody could send it back: {}", mail.text());
    let body = json!({ "token": token(&mail), "password": PASSWORD });
    assert_eq!(verify(&app, &body, None).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", PASSWORD).await.status, 200);
}

/// Runs the task that the event of a refused sign-in starts, and returns the mail if there was one.
async fn asked_by_task(app: &TestApp) -> Option<Mail> {
    let user = "select uuid::text from users";
    let user: String = app.database.client().await.query_one(user, &[]).await.expect("a user").get(0);
    let task =
        json!({ "task": "ask_to_verify", "args": { "user": user }, "id": Uuid::now_v7(), "attempt": 1 });
    app.deliver(&app.work(&task.to_string()).await).await.pop()
}

/// The task counts like its user who is signed in: three at one place.
#[tokio::test]
async fn a_refused_sign_in_asks_for_no_more_mails_than_its_user_may() {
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    for n in 0..5 {
        assert_eq!(asked_by_task(&app).await.is_some(), n < 3, "{n}");
    }
    let ended = "select count(*) from task where name = 'ask_to_verify' and state = 'succeeded'";
    assert_eq!(count(&app, ended).await, 5, "a task that has to wait is done");
}

/// A reader of the mailbox tries passwords with a link. The owner gets the same mail as after failed sign-ins.
#[tokio::test]
async fn a_password_next_to_a_link_that_was_the_last_attempt_is_reported_to_the_owner() {
    let app = of_test(|config| {
        let limits = config.limits.as_mut().expect("limits");
        limits.set(Limited::SignInFailures, Limit::new(3, std::time::Duration::from_secs(30)));
    })
    .await;
    let (_, mail) = signed_up(&app).await;
    let wrong = json!({ "token": token(&mail), "password": "wrong horse battery" });
    let told = "select count(*) from outbox where body like '%sign_in_slowed%'";
    for n in 1..=3 {
        verify(&app, &wrong, None).await.is_error(422, "validation").names("password", "wrong");
        assert_eq!(count(&app, told).await, i64::from(n == 3), "{n}");
    }
    assert_eq!(verify(&app, &wrong, None).await.status, 429);
    let noted =
        "select count(*) from audit_log where details->>'reason' = 'password' and outcome = 'failure'";
    assert_eq!(count(&app, noted).await, 3);
}
