//! A new task: its file, its test, and the lines that register it.

use anyhow::{Result, bail};

use super::names::check_words;
use super::plan::{self, Plan};
use super::read;
use super::rust::{formatted, with_import, with_line, with_module, without_import, without_line};
use super::spec::{pascal, sentence};
use crate::checkout::Checkout;

const FOLDER: &str = "core/src/application/tasks";
/// Where the lines about a task are: the list of modules, the table and the tests.
const MODULES: &str = "core/src/application/tasks/mod.rs";
pub(super) const TABLE: &str = "core/src/application/handlers/mod.rs";
pub(super) const TESTS: &str = "tests/queue/main.rs";

/// Returns what adds a task. One that `mails` runs in the worker that has a mail client.
pub fn add(checkout: &Checkout, name: &str, mails: bool) -> Result<Plan> {
    let task = Task::named(name, mails)?;
    let (file, test) = (task.file(), task.test());
    for file in [&file, &test] {
        if checkout.root().join(file).exists() {
            bail!("{file} exists; choose another name, or remove it with `cargo xtask remove task {name}`");
        }
    }
    let table = with_import(&read(checkout, TABLE)?, &task.import())?;
    let table = with_line(&table, "pub fn table<T: Table>(table: T) -> T {", "\n}\n", &task.line())?;
    Ok(Plan {
        written: vec![
            (file.clone(), formatted(&task.code())?),
            (test.clone(), formatted(&task.test_code())?),
            (MODULES.to_owned(), with_module(&read(checkout, MODULES)?, &task.module())),
            (TABLE.to_owned(), formatted(&table)?),
            (TESTS.to_owned(), with_module(&read(checkout, TESTS)?, &task.test_module())),
        ],
        documents: true,
        decisions: task.decisions(),
        tests: Some(format!("--test queue {}::", task.name)),
        ..Plan::default()
    })
}

/// Returns what removes a task that `new task` wrote. Changed files go only with `force`.
pub fn remove(checkout: &Checkout, name: &str, force: bool) -> Result<Plan> {
    let mut task = Task::named(name, false)?;
    let files = vec![task.file(), task.test()];
    if let Some(file) = files.iter().find(|file| !checkout.root().join(file).is_file()) {
        bail!("{file} does not exist, so `new task` has not written {name}; remove the task by hand");
    }
    task.mails = read(checkout, &task.file())?.contains("Queue::Mail");
    if !force {
        let written = [(task.file(), formatted(&task.code())?), (task.test(), formatted(&task.test_code())?)];
        plan::unchanged(checkout, &format!("task {name}"), &files, &written)?;
    }
    let table = without_import(&read(checkout, TABLE)?, &task.import())?;
    let written = vec![
        (MODULES.to_owned(), without_line(&read(checkout, MODULES)?, &task.module())?),
        (TABLE.to_owned(), formatted(&without_line(&table, &task.line())?)?),
        (TESTS.to_owned(), without_line(&read(checkout, TESTS)?, &task.test_module())?),
    ];
    Ok(Plan { written, removed: files, documents: true, ..Plan::default() })
}

struct Task {
    /// As on the wire, and as its module is called.
    name: String,
    /// The name of its struct.
    ty: String,
    /// Whether it sends a mail.
    mails: bool,
}

impl Task {
    fn named(name: &str, mails: bool) -> Result<Self> {
        let name = name.replace('-', "_");
        check_words("task", &name, "count_orders")?;
        Ok(Self { ty: pascal(&name), name, mails })
    }

    /// Returns what only a person can decide.
    fn decisions(&self) -> Vec<String> {
        let mut decisions = vec![
            format!("its arguments, what it does and what it returns: {}, then {}", self.file(), self.test()),
            "what starts it: an event in `events()` of the table, or `Enqueue` in a transaction".to_owned(),
        ];
        if self.mails {
            decisions
                .push("which mail it sends: `Template::Welcome` is an example (docs/mails.md)".to_owned());
        }
        decisions
    }

    fn file(&self) -> String {
        format!("{FOLDER}/{}.rs", self.name)
    }

    fn test(&self) -> String {
        format!("tests/queue/{}.rs", self.name)
    }

    fn import(&self) -> String {
        format!("super::tasks::{}::{}", self.name, self.ty)
    }

    fn module(&self) -> String {
        format!("pub mod {};", self.name)
    }

    fn test_module(&self) -> String {
        format!("mod {};", self.name)
    }

    fn line(&self) -> String {
        format!(".task::<{}>()", self.ty)
    }

    fn code(&self) -> String {
        self.fill(if self.mails { MAIL_CODE } else { CODE })
    }

    fn test_code(&self) -> String {
        self.fill(if self.mails { MAIL_TEST } else { TEST })
    }

    fn fill(&self, text: &str) -> String {
        text.replace("TITLE", &sentence(&self.name))
            .replace("task_name", &self.name)
            .replace("TaskName", &self.ty)
    }
}

/// The file of a task.
const CODE: &str = r#"//! TITLE.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Task, TaskContext};
use crate::domain::Result;

/// The arguments. Messages carry ids and no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskName {
    pub user: Uuid,
}

impl Task for TaskName {
    const NAME: &'static str = "task_name";

    async fn run(self, _: &mut TaskContext<'_>) -> Result<Value> {
        // What it writes through the context's `tx()` commits together with the task's success.
        Ok(json!({ "user": self.user }))
    }
}
"#;

/// Its test: the task starts in a transaction, and the worker gets its message.
const TEST: &str = r#"//! The task `task_name`.

use app_core::{
    application::tasks::{Enqueue, task_name::TaskName},
    testing::TestApp,
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{number, one, start, tasks, work};

#[tokio::test]
async fn it_runs_once_also_if_its_message_comes_twice() {
    let app = TestApp::new().await;
    let user = Uuid::from_u128(1);
    let (_, sent) = start(&app, Enqueue::new(&TaskName { user }).expect("a task")).await;
    let message = one("tasks-worker", &sent[0].body);
    for _ in 0..2 {
        assert!(work(&app, &message).await.is_empty());
    }
    let result = json!({ "user": user });
    let done = format!("select count(*) from task where result = '{result}' and attempt = 1");
    assert_eq!((tasks(&app, "succeeded").await, number(&app, &done).await), (1, 1));
}

#[tokio::test]
async fn arguments_that_cannot_be_read_fail_it() {
    let app = TestApp::new().await;
    let message = json!({ "task": "task_name", "args": {}, "id": Uuid::from_u128(1), "attempt": 1 });
    assert!(work(&app, &one("tasks-worker", &message.to_string())).await.is_empty());
    assert_eq!(tasks(&app, "failed").await, 1);
}
"#;

/// The file of a task that sends a mail.
const MAIL_CODE: &str = r#"//! TITLE.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{FOR_DAYS, Task, TaskContext, mail};
use crate::{application::mails::Template, domain::Result, infrastructure::messaging::Queue};

/// The arguments. Messages carry ids and no personal data: the address is read when the mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskName {
    pub user: Uuid,
}

impl Task for TaskName {
    const NAME: &'static str = "task_name";
    const QUEUE: Queue = Queue::Mail;
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        Ok(mail::send(context, self.user, &Template::Welcome {}).await?.to_json())
    }
}
"#;

/// Its test: the task starts in a transaction, and the worker of mail gets its message.
const MAIL_TEST: &str = r#"//! The task `task_name`.

use app_core::{
    application::tasks::{Enqueue, task_name::TaskName},
    testing::TestApp,
};
use uuid::Uuid;

use crate::support::{mail, one, start, tasks};

#[tokio::test]
async fn its_mail_goes_out_once_also_if_its_message_comes_twice() {
    let app = TestApp::new().await;
    let insert = "insert into users (email) values ('ada@example.com') returning uuid";
    let user: Uuid = app.database.client().await.query_one(insert, &[]).await.expect("a user").get(0);
    let (id, sent) = start(&app, Enqueue::new(&TaskName { user }).expect("a task")).await;
    for _ in 0..2 {
        assert!(mail(&app, &one("mail-worker", &sent[0].body)).await.is_empty());
    }
    let mails = app.mailer.take();
    assert_eq!((mails.len(), mails[0].id, mails[0].to.as_str()), (1, id, "ada@example.com"));
    assert_eq!(tasks(&app, "succeeded").await, 1);
}

#[tokio::test]
async fn without_a_user_there_is_nothing_to_send() {
    let app = TestApp::new().await;
    let user = Uuid::from_u128(1);
    let (_, sent) = start(&app, Enqueue::new(&TaskName { user }).expect("a task")).await;
    assert!(mail(&app, &one("mail-worker", &sent[0].body)).await.is_empty());
    assert_eq!((app.mailer.take().len(), tasks(&app, "succeeded").await), (0, 1));
}
"#;
