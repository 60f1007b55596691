//! The examples of docs/events-and-tasks.md. They are compiled and not run; a test compares the page with this file.
#![allow(dead_code, unreachable_pub, unused_variables, reason = "examples use some of what they get")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, FOR_DAYS, Task, TaskContext, mail};
use crate::{
    application::{
        mails::Template,
        registry::{Handler, Received, Table},
    },
    domain::{Result, auth::SignedIn, event::Event},
    infrastructure::{messaging::Queue, tx::Tx},
    interfaces::access::Caller,
};

/// The statements of the example's own tables.
mod repository {
    pub(super) mod statistics {
        use crate::{Result, infrastructure::tx::Tx};

        pub(in super::super) async fn add_orders(_: &Tx<'_>, _: usize) -> Result<()> {
            Ok(())
        }
    }

    pub(super) mod orders {
        use uuid::Uuid;

        use crate::{Result, infrastructure::db::Sql};

        pub(in super::super) struct Order {
            pub(in super::super) user: Uuid,
        }

        pub(in super::super) async fn find(_: &impl Sql, _: Uuid) -> Result<Order> {
            Ok(Order { user: Uuid::nil() })
        }

        pub(in super::super) async fn mark_receipt_sent(_: &impl Sql, _: Uuid) -> Result<()> {
            Ok(())
        }
    }
}

use repository::orders;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderPlaced {
    pub order: Uuid,
}

impl Event for OrderPlaced {
    const NAME: &'static str = "order_placed";
}

pub struct CountOrders;

impl Handler for CountOrders {
    type Event = OrderPlaced;
    const NAME: &'static str = "count_orders"; // in the inbox: do not rename it

    async fn handle(tx: &mut Tx<'_>, events: Vec<Received<OrderPlaced>>) -> Result<()> {
        repository::statistics::add_orders(tx, events.len()).await
    }
}

fn lines<T: Table>(table: T) -> T {
    table
        .on::<CountOrders>()
        .starts::<OrderPlaced, _>(|event| Enqueue::new(&SendReceipt { order: event.order }))
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SendReceipt {
    pub order: Uuid,
}

impl Task for SendReceipt {
    const NAME: &'static str = "send_receipt";
    const QUEUE: Queue = Queue::Mail; // Queue::Tasks if it is left out
    const MAX_ATTEMPTS: i32 = FOR_DAYS; // 5 if it is left out

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let order = orders::find(context.conn()?, self.order).await?;
        mail::send(context, order.user, &Template::Welcome {}).await?; // or a new template
        orders::mark_receipt_sent(context.tx().await?, self.order).await?;
        Ok(json!({ "sent": true }))
    }
}

async fn enqueue(mut tx: Tx<'_>, caller: Caller<SignedIn>, order: Uuid) -> Result<()> {
    let id = Enqueue::new(&SendReceipt { order })?
        .owner(caller.user.uuid)
        .delay(Duration::from_secs(3600))
        .unique(order.to_string())
        .write(&mut tx)
        .await?;
    Ok(())
}
