//! The examples of docs/events-and-tasks.md and docs/mails.md. They are compiled and not run; a test compares the pages
//! with this file.
#![allow(dead_code, unreachable_pub, unused_variables, reason = "examples use some of what they get")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, FOR_DAYS, Task, TaskContext, mail};
use crate::{
    App,
    application::{
        mails::{Recipient, Template},
        registry::{Handler, Received, Table},
    },
    domain::{Result, auth::SignedIn, event::Event, users::Email},
    infrastructure::{messaging::Queue, tx::Tx},
    interfaces::http::{Caller, Idempotent, IdempotentResponse, NoContent, Request},
};

/// What `new domain orders --with get` writes, as far as the examples use it, and one more statement.
mod orders {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use crate::{Result, infrastructure::db::Sql};

    pub(super) struct Order {
        pub(super) uuid: Uuid,
        pub(super) user_uuid: Uuid,
    }

    pub(super) async fn find(_: &impl Sql, user: Uuid, uuid: Uuid) -> Result<Order> {
        Ok(Order { uuid, user_uuid: user })
    }

    pub(super) async fn pay(_: &impl Sql, user: Uuid, uuid: Uuid) -> Result<Order> {
        Ok(Order { uuid, user_uuid: user })
    }

    pub(super) async fn note_receipt(_: &impl Sql, _: Uuid, _: OffsetDateTime) -> Result<()> {
        Ok(())
    }
}

/// Statements of another table of the examples.
mod statistics {
    use crate::{Result, infrastructure::tx::Tx};

    pub(super) async fn add_orders(_: &Tx<'_>, _: usize) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderPaid {
    pub uuid: Uuid,
    pub user: Uuid,
}

impl Event for OrderPaid {
    const NAME: &'static str = "order_paid";
}

/// The handler of an endpoint that emits it.
async fn pay(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let (user, uuid) = (caller.user.uuid, request.path_uuid("uuid", "order")?);
    let pay = async |tx: &mut Tx<'_>| {
        let order = orders::pay(&*tx, user, uuid).await?;
        tx.record(&OrderPaid { uuid: order.uuid, user })?;
        Ok(NoContent)
    };
    let mut response = Idempotent::of(&app, &request, user).await?.run(pay).await?;
    app.publish(response.take_outgoing()).await;
    Ok(response)
}

pub struct CountOrders;

impl Handler for CountOrders {
    type Event = OrderPaid;
    const NAME: &'static str = "count_orders"; // in the inbox: do not rename it

    async fn handle(tx: &mut Tx<'_>, events: Vec<Received<OrderPaid>>) -> Result<()> {
        statistics::add_orders(tx, events.len()).await
    }
}

fn lines<T: Table>(table: T) -> T {
    table
        .on::<CountOrders>()
        .starts::<OrderPaid, _>(|event| Enqueue::new(&SendReceipt { order: event.uuid, user: event.user }))
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SendReceipt {
    pub order: Uuid,
    pub user: Uuid,
}

impl Task for SendReceipt {
    const NAME: &'static str = "send_receipt";
    const QUEUE: Queue = Queue::Mail; // Queue::Tasks if it is left out
    const MAX_ATTEMPTS: i32 = FOR_DAYS; // 5 if it is left out

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let order = orders::find(context.conn()?, self.user, self.order).await?;
        let outcome = mail::send(context, order.user_uuid, &Template::Welcome {}).await?; // or a new template
        if outcome.is_sent() {
            let now = context.services().clock.now();
            orders::note_receipt(context.tx().await?, order.uuid, now).await?;
        }
        Ok(outcome.to_json())
    }
}

/// A mail to an address that belongs to no user.
async fn invite(context: &TaskContext<'_>, email: &Email) -> Result<Value> {
    let recipient = Recipient::unproved(mail::address_of(email)?);
    Ok(mail::send_to(context, &recipient, &Template::Welcome {}).await?.to_json())
}

async fn enqueue(mut tx: Tx<'_>, caller: Caller<SignedIn>, order: Uuid) -> Result<()> {
    let user = caller.user.uuid;
    let id = Enqueue::new(&SendReceipt { order, user })?
        .owner(user)
        .delay(Duration::from_secs(3600))
        .unique(order.to_string())
        .write(&mut tx)
        .await?;
    Ok(())
}
