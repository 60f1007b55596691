//! The texts and the times of the mails about a change.

use super::*;

#[tokio::test]
async fn no_link_is_built_from_a_header_of_the_request() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    let evil = "evil.example.net";
    let asked = forged(ask_event(&access, NEW), evil);
    assert_eq!(call(&app, auth_email_change::handler, &asked).await.status, 202);
    let mail = app.mails().await.remove(0);
    let body = json!({ "token": token(&mail) });
    let confirmed = forged(event("auth-email-confirm").header("Authorization", None).body(&body), evil);
    assert_eq!(call(&app, auth_email_confirm::handler, &confirmed).await.status, 204);
    let told = app.mails().await.remove(0);
    for (mail, page) in [(mail, "confirm-email"), (told, "undo-email")] {
        let link = link(&mail).expect("a link");
        assert!(link.starts_with(&format!("http://localhost:3000/{page}#token=lnk_")), "{link}");
        assert!(!format!("{mail:?}{}{}", mail.text(), mail.html()).contains(evil));
    }
}

/// The mail is sent again if the worker dies after it. Its reader must not get two links of which one is dead.
#[tokio::test]
async fn a_task_that_runs_twice_sends_the_same_secret() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    assert_eq!(ask(&app, &access, NEW).await.status, 202);
    let again = "update task set state = 'queued' where name = 'send_challenge'";
    for _ in 0..2 {
        // First the mail to the new address, then the one to the old address.
        let messages = app.bus.take();
        let first = app.deliver(&messages).await;
        run(&app, again).await;
        let second = app.deliver(&messages).await;
        assert_eq!((first.len(), second.len()), (1, 1));
        assert_eq!(token(&first[0]), token(&second[0]));
        by_link(&app, &token(&first[0])).await;
    }
}

#[tokio::test]
async fn a_mail_that_would_come_late_is_not_sent() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    assert_eq!(ask(&app, &access, NEW).await.status, 202);
    app.clock.advance(Duration::minutes(30) + Duration::seconds(1));
    assert_eq!(app.mails().await.len(), 0);
}
