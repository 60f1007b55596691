//! Hundreds of tokens that are not ours, or not any more: none is believed, none reaches the
//! database.

mod forge;

use app_core::{
    config::SecretSource,
    domain::mask::Secret,
    testing::{TestApp, event},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use self::forge::{Door, Forge, KEY, OLDER, sign};
use crate::{
    support::{call, me, refresh, signed_in},
    wire::wired,
};

fn keys() -> SecretSource {
    let keys = json!({"key": BASE64_STANDARD.encode(KEY), "older": BASE64_STANDARD.encode(OLDER)});
    SecretSource::Inline(Secret::new(json!({"signing": "key", "keys": keys}).to_string()))
}

async fn respond(app: &TestApp, door: Door, token: &str) -> crate::support::Response {
    match door {
        Door::Access => me(app, token).await,
        Door::Refresh => refresh(app, token).await,
    }
}

#[tokio::test]
async fn of_hundreds_of_forged_tokens_none_is_believed_and_none_reaches_the_database() {
    let (app, wire) = wired(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.key = keys();
        }
    })
    .await;
    let pair = signed_in(&app).await;
    let now = app.app.clock().now().unix_timestamp();
    let (access, refresh_token) = (pair.text("/access"), pair.text("/refresh"));
    let mut made = Vec::new();
    for (door, token) in [(Door::Access, &access), (Door::Refresh, &refresh_token)] {
        let mut forge = Forge::of(door, token, now);
        // The forger's tools can make a valid token. So a forged token is refused only because of its fault.
        assert_eq!(&sign(KEY, &forge.header, &forge.claims), token);
        let by_older = forge.header(|h| h["kid"] = json!("older"));
        let by_older = sign(OLDER, &by_older, &forge.claims);
        if door == Door::Access {
            assert_eq!(respond(&app, door, &by_older).await.status, 200, "a key that still verifies");
            let older = forge.claims(|c| drop(c.as_object_mut().expect("an object").remove("sub")));
            let older = sign(KEY, &forge.header, &older);
            assert_eq!(respond(&app, door, &older).await.status, 200, "a token from before `sub`");
            let begun = sign(KEY, &forge.header, &forge.claims(|c| c["nbf"] = json!(now)));
            assert_eq!(respond(&app, door, &begun).await.status, 200, "valid from this second on");
        }
        forge.headers();
        forge.contents();
        forge.signatures();
        made.append(&mut forge.made);
    }
    made.push(("refresh as access".into(), Door::Access, refresh_token.clone()));
    made.push(("access as refresh".into(), Door::Refresh, access.clone()));
    assert!(made.len() >= 300, "only {}", made.len());

    let (believed, trips) = wire
        .count(async {
            let mut believed = Vec::new();
            for (name, door, token) in &made {
                let response = respond(&app, *door, token).await;
                if response.status != 401 {
                    believed.push(format!("{name}: {}", response.status));
                }
            }
            believed
        })
        .await;
    assert!(believed.is_empty(), "of {} forged tokens: {believed:#?}", made.len());
    assert_eq!(trips, 0, "a forged token costs the database something");

    // Through every other door that asks for an access token.
    for (name, _, token) in made.iter().filter(|(_, door, _)| *door == Door::Access).step_by(10) {
        let out = call(&app, auth_sign_out::handler, &event("auth-sign-out").bearer(token)).await;
        assert_eq!(out.status, 401, "{name}");
    }
    assert_eq!(me(&app, &access).await.status, 200, "and the real one is still good");
    assert_eq!(refresh(&app, &refresh_token).await.status, 200);
    println!("{} forged tokens", made.len());
}

#[tokio::test]
async fn a_token_ends_at_its_second_and_not_a_second_later() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    app.clock.advance(time::Duration::seconds(299));
    assert_eq!(me(&app, &pair.text("/access")).await.status, 200);
    app.clock.advance(time::Duration::seconds(1));
    me(&app, &pair.text("/access")).await.is_error(401, "unauthenticated");
}
