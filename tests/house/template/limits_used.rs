//! A function has the variables of the rate limits that it uses, and no others. Without its variable, a limit has its
//! default in this function, whatever the deployment says.
//!
//! The code says which these are: a function calls methods of `Limits`, or use cases that call them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use app_core::config::LIMIT_SETTINGS;
use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{functions, template},
    holds,
    limits::names,
    refused,
    variables::{code, without_comments},
};
use crate::{
    needs::needs,
    routes::{differences, stem},
};

/// Reviewed: what the tasks of a worker count. The code of its function names the worker, and not the tasks.
const BY_TASKS: [(&str, &str); 1] = [("app.worker()?", "ask_for_user")];

type Settings = BTreeSet<String>;

/// A `fn` of a file.
struct Item {
    name: String,
    is_public: bool,
    /// Its arguments and its body, without spaces, so that the width of a line does not matter.
    text: String,
}

fn items(code: &str) -> Vec<Item> {
    let code = without_comments(code);
    let mut parts = code.split("fn ");
    let mut before = parts.next().unwrap_or_default();
    let mut items = Vec::new();
    for part in parts {
        items.push(Item {
            name: part.split(['(', '<']).next().unwrap_or_default().to_owned(),
            is_public: before.ends_with("pub async "),
            text: part.split_whitespace().collect(),
        });
        before = part;
    }
    items
}

/// Returns the settings that each function of a file reaches, directly or by calls of methods of `self`.
fn reached(items: &[Item], itself: impl Fn(&str) -> Settings) -> BTreeMap<String, Settings> {
    let mut all: BTreeMap<_, _> = items.iter().map(|item| (item.name.clone(), itself(&item.text))).collect();
    loop {
        let before = all.clone();
        for item in items {
            let calls = before.iter().filter(|(name, _)| item.text.contains(&format!("self.{name}(")));
            let more = calls.flat_map(|(_, settings)| settings.iter().cloned());
            all.entry(item.name.clone()).or_default().extend(more);
        }
        if all == before {
            return all;
        }
    }
}

/// Returns the settings that each check of `Limits` reads: `Limited::SignUpAddress` is RATE_LIMIT_SIGN_UP_ADDRESS.
fn checks(limits: &str) -> BTreeMap<String, Settings> {
    let setting = |rest: &str| {
        let variant = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let parts = variant.chars().flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain([c]));
        format!("RATE_LIMIT{}", parts.collect::<String>().to_ascii_uppercase())
    };
    let items = items(limits);
    let mut all = reached(&items, |text| text.split("Limited::").skip(1).map(setting).collect());
    // The others only name buckets.
    all.retain(|name, _| items.iter().any(|item| item.is_public && item.name == *name));
    all
}

/// Returns the settings of the checks that a text calls.
fn called(text: &str, checks: &BTreeMap<String, Settings>) -> Settings {
    let is_called = |name: &str| {
        ["limits.", "limits().await?."].iter().any(|limits| text.contains(&format!("{limits}{name}(")))
    };
    checks.iter().filter(|(name, _)| is_called(name)).flat_map(|(_, settings)| settings.clone()).collect()
}

struct Code {
    checks: BTreeMap<String, Settings>,
    /// The functions of the core that call checks.
    use_cases: BTreeMap<String, Settings>,
}

impl Code {
    fn read() -> Self {
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
        let limits = core.join("application/limits.rs");
        let checks = checks(&fs::read_to_string(&limits).expect("the limits"));
        let mut use_cases: BTreeMap<String, Settings> = BTreeMap::new();
        let mut folders = vec![core];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path != limits {
                    let items = items(&fs::read_to_string(path).unwrap_or_default());
                    for (name, settings) in reached(&items, |text| called(text, &checks)) {
                        use_cases.entry(name).or_default().extend(settings);
                    }
                }
            }
        }
        use_cases.retain(|_, settings| !settings.is_empty());
        Self { checks, use_cases }
    }

    /// Returns the settings that a function with this code reads.
    fn settings(&self, code: &str) -> Settings {
        let text: String = without_comments(code).split_whitespace().collect();
        let is_called = |name: &str| text.contains(&format!(".{name}("));
        let by_tasks = BY_TASKS.iter().filter(|(worker, _)| text.contains(worker));
        let by_tasks = by_tasks.flat_map(|(_, check)| self.checks[*check].iter().cloned());
        let of_use_cases = self.use_cases.iter().filter(|(name, _)| is_called(name));
        called(&text, &self.checks)
            .into_iter()
            .chain(of_use_cases.flat_map(|(_, settings)| settings.clone()))
            .chain(by_tasks)
            .collect()
    }
}

fn functions_have_the_limits_they_use(template: &Value) -> Faults {
    let core = Code::read();
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let stem = stem(id);
        let code = code(&stem);
        let wanted = core.settings(&code);
        let set = names(&function["Environment"]["Variables"], "RATE_LIMIT_");
        let found = differences(("its code", &wanted), ("function.yaml", &set));
        faults.extend(found.into_iter().map(|fault| format!("{stem}: {fault}")));
        if needs(&code).contains("Limits") == wanted.is_empty() {
            faults.push(format!("{stem}: either main.rs lacks Need::Limits, or lib.rs counts for no limit"));
        }
    }
    faults
}

#[test]
fn a_function_has_the_variables_of_the_limits_that_it_uses_and_no_others() {
    let check = functions_have_the_limits_they_use;
    holds(&check(&template()));
    let all = |function: &str| format!("/Resources/{function}/Properties/Environment/Variables");
    let variables = |function: &str| template().pointer(&all(function)).expect("its variables").clone();

    let mut more = variables("AuthSignUpFunction");
    more["RATE_LIMIT_REDEEM_ADDRESS"] = json!({ "Ref": "RateLimitRedeemAddress" });
    let fault = "auth-sign-up: RATE_LIMIT_REDEEM_ADDRESS is in function.yaml and not in its code";
    refused(check, &all("AuthSignUpFunction"), more, fault);

    // This function uses limits of two kinds: one directly, and one through a use case.
    for setting in ["RATE_LIMIT_REDEEM_ADDRESS", "RATE_LIMIT_SIGN_IN_ACCOUNT"] {
        let mut fewer = variables("AuthEmailVerifyFunction");
        fewer.as_object_mut().expect("variables").remove(setting).expect("it is set");
        let fault = format!("auth-email-verify: {setting} is in its code and not in function.yaml");
        refused(check, &all("AuthEmailVerifyFunction"), fewer, &fault);
    }
}

#[test]
fn every_check_is_found_in_the_code_of_a_function() {
    let core = Code::read();
    let every =
        |settings: &BTreeMap<String, Settings>| settings.values().flatten().cloned().collect::<Settings>();
    let known: Settings = LIMIT_SETTINGS.iter().map(|&setting| setting.to_owned()).collect();
    assert_eq!(every(&core.checks), known);
    let template = template();
    let used = functions(&template).into_iter().flat_map(|(id, _)| core.settings(&code(&stem(id))));
    assert_eq!(used.collect::<Settings>(), known);

    let settings = |code: &str| core.settings(code).into_iter().collect::<Vec<_>>();
    for (name, of_check) in &core.checks {
        let of_check: Vec<_> = of_check.iter().cloned().collect();
        assert_eq!(settings(&format!("app\n.limits()\n.await?\n.{name}(ip).await?")), of_check);
        assert_eq!(settings(&format!("let limits = x; limits.{name}(ip).await?")), of_check);
    }
    assert_eq!(settings("limits.redeem(ip); // limits.ask(ip)"), ["RATE_LIMIT_REDEEM_ADDRESS"]);
    let both = settings("limits.redeem(ip).await?; limits.sign_up(ip).await?;");
    assert_eq!(both, ["RATE_LIMIT_REDEEM_ADDRESS", "RATE_LIMIT_SIGN_UP_ADDRESS"]);
}
