//! An attack on one account, against the real binary with PROD's limits: who still gets in.

use app_core::{
    config::{LaunchMode, Limited, LimitsConfig},
    testing::{TestApp, event},
};
use serde_json::{Value, json};
use test_support::process::{Process, drop_role, role};

use crate::support::{count, sign_up};

const EMAIL: &str = "ada@example.com";
const HOME: &str = "198.51.100.7";

/// Two instances of the function; a client may meet either.
struct Function {
    instances: [Process; 2],
    next: usize,
}

impl Function {
    fn start(login: (&str, &str)) -> Self {
        let prod = LimitsConfig::new(LaunchMode::Prod);
        let of = |limited| {
            let limit = prod.of(limited);
            format!("{}/{}", limit.burst, limit.every.as_secs())
        };
        let (address, account) = (of(Limited::SignInAddress), of(Limited::SignInAccount));
        let (failures, known) = (of(Limited::SignInFailures), of(Limited::SignInKnown));
        let settings = [
            ("RATE_LIMIT_SIGN_IN_ADDRESS", &*address),
            ("RATE_LIMIT_SIGN_IN_ACCOUNT", &*account),
            ("RATE_LIMIT_SIGN_IN_FAILURES", &*failures),
            ("RATE_LIMIT_SIGN_IN_KNOWN", &*known),
        ];
        let instance = || Process::spawn("auth-tokens", login, &settings);
        Self { instances: [instance(), instance()], next: 0 }
    }

    /// The status that a try is responded with.
    fn sign_in(&mut self, address: &str, password: &str) -> i64 {
        let mut event = event("auth-tokens").body(&json!({ "email": EMAIL, "password": password }));
        event.0["requestContext"]["identity"]["sourceIp"] = json!(address);
        self.next += 1;
        let text = self.instances[self.next % 2].invoke(&event.to_string());
        let response: Value = serde_json::from_str(&text).expect("a response");
        response["statusCode"].as_i64().unwrap_or_else(|| panic!("{text}"))
    }

    fn owner(&mut self, address: &str) -> bool {
        match self.sign_in(address, "correct horse battery") {
            200 => true,
            429 => false,
            other => panic!("{other}"),
        }
    }

    /// Whether the guess was checked.
    fn guess(&mut self, address: &str) -> bool {
        match self.sign_in(address, "wrong horse battery") {
            401 => true,
            429 => false,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_an_attacked_account_signs_in_from_where_they_have_signed_in_before() {
    let app = TestApp::new().await;
    sign_up(&app, EMAIL).await;
    let role = role(&app, "role").await;
    let mut function = Function::start((&role, "role"));
    assert!(function.owner(HOME), "before anything happens");

    // From one /48, each time with another /64. It stops at 20, and other networks are not affected.
    let one_network = (0..300).filter(|n| function.guess(&format!("2001:db8:1:{n:x}::1"))).count();
    assert!((20..=24).contains(&one_network), "{one_network} guesses of one network were checked");
    assert!(function.owner("192.0.2.33"), "the owner, from an address that the account does not know");

    // From as many networks as it takes, and on for as long as the owner tries.
    let (mut networks, mut checked, mut in_a_row) = (0_u32, 0, 0);
    while in_a_row < 20 {
        networks += 1;
        assert!(networks < 1_000, "{checked} guesses were checked");
        let let_in = function.guess(&format!("2001:db9:{networks:x}::1"));
        checked += u32::from(let_in);
        in_a_row = if let_in { 0 } else { in_a_row + 1 };
    }
    assert!((100..=110).contains(&checked), "{checked} guesses were checked before all had to wait");
    let (mut at_home, mut elsewhere) = (0, 0);
    for round in 0..10 {
        for _ in 0..20 {
            networks += 1;
            function.guess(&format!("2001:db9:{networks:x}::1"));
        }
        at_home += u32::from(function.owner(HOME));
        elsewhere += u32::from(function.owner(&format!("203.{round}.113.99")));
    }
    println!("in the attack the owner got in {at_home} of 10 times from home, {elsewhere} from elsewhere");
    assert!(at_home >= 9, "the owner got in {at_home} of 10 times");
    assert!(elsewhere < 10, "there is no lock-out to be spared from");

    let told = "select count(*) from outbox where body::jsonb ->> 'event' = 'sign_in_slowed'";
    assert_eq!(count(&app, told).await, 1, "the owner is told once");
    drop(function);
    drop_role(&app, &role).await;
}
