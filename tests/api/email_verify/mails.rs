//! When the mail with the link is sent, and what it says.

use super::*;

#[tokio::test]
async fn a_challenge_that_is_used_or_no_longer_holds_is_not_sent() {
    for (change, sent) in [
        ("update users set epoch = epoch + 1", 0),
        ("update challenge set used_at = now()", 0),
        ("select", 1),
    ] {
        let app = TestApp::new().await;
        let ada = signed_in(&app).await;
        let asked = call(&app, auth_email_resend::handler, &send_event(&ada.text("/access"))).await;
        assert_eq!(asked.status, 202);
        app.database.client().await.batch_execute(change).await.expect("changed");
        assert_eq!(app.mails().await.len(), sent, "{change}");
    }
}

/// A mail states the time that is left at the moment when it is sent.
#[tokio::test]
async fn a_mail_that_is_sent_late_states_the_time_that_is_left_and_has_no_code_that_is_about_to_expire() {
    for (minutes, said) in [
        (0, "The link is valid for 24 hours, the code for 60 minutes."),
        (30, "The link is valid for 23 hours, the code for 30 minutes."),
        (31, "The link is valid for 23 hours."),
        (600, "The link is valid for 14 hours."),
    ] {
        let app = TestApp::new().await;
        let ada = signed_in(&app).await;
        let asked = call(&app, auth_email_resend::handler, &send_event(&ada.text("/access"))).await;
        app.clock.advance(Duration::minutes(minutes));
        let mail = app.mails().await.remove(0);
        assert!(mail.text().contains(said), "{minutes}: {}", mail.text());
        if minutes > 30 {
            assert!(!mail.text().contains("code") && !mail.html().contains("code"), "{}", mail.text());
            continue;
        }
        // The stated time is exact to the minute.
        app.clock.advance(Duration::minutes(60 - minutes) - Duration::seconds(1));
        let access = sign_in(&app, "ada@example.com", PASSWORD).await.text("/access");
        let body = json!({ "id": asked.text("/id"), "code": code(&mail) });
        assert_eq!(verify(&app, &body, Some(&access)).await.status, 204);
    }
}
