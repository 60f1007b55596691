//! Reading: count, exists, first, list.

use super::Repository;
use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::{Sql, Statement},
        query::{Cursor, Entity, Filter, Order, Page, Shape, select_statement},
    },
};

impl<E: Entity, C: Sql> Repository<'_, E, C> {
    /// How many rows; a scan of all that match.
    pub async fn count(&self, filter: &Filter) -> Result<u64> {
        let mut statement = Statement::begin(format!("select count(*) from {}", E::TABLE));
        filter.lower::<E>(&mut statement)?;
        let count: i64 = super::column(&self.one(&statement).await?, "count")?;
        u64::try_from(count).map_err(Error::internal)
    }

    pub async fn exists(&self, filter: &Filter) -> Result<bool> {
        let mut statement = Statement::begin(format!("select exists (select from {}", E::TABLE));
        filter.lower::<E>(&mut statement)?;
        statement.push(")");
        super::column(&self.one(&statement).await?, "exists")
    }

    /// The first row in this order; one row is fetched, whatever matches.
    pub async fn first(&self, filter: &Filter, order: &Order) -> Result<Option<E>> {
        self.first_as(filter, order).await
    }

    /// The same as anything that can be read from the table; only its columns are fetched.
    pub async fn first_as<S: Shape>(&self, filter: &Filter, order: &Order) -> Result<Option<S>> {
        Ok(self.list_as(filter, order, &Page::new(1)?).await?.pop())
    }

    pub async fn list(&self, filter: &Filter, order: &Order, page: &Page) -> Result<Vec<E>> {
        self.list_as(filter, order, page).await
    }

    /// The same as anything that can be read from the table; only its columns are fetched.
    pub async fn list_as<S: Shape>(&self, filter: &Filter, order: &Order, page: &Page) -> Result<Vec<S>> {
        self.read(&select_statement::<E>(S::FIELDS, filter, order, page)?).await
    }

    /// A page, and where the next one starts if there is one. Costs one row more than the page.
    pub async fn page_as<S: Shape>(
        &self,
        filter: &Filter,
        order: &Order,
        page: &Page,
    ) -> Result<(Vec<S>, Option<Cursor>)> {
        // The cursor needs the columns of the order, too.
        let mut fields = S::FIELDS.to_vec();
        for name in order.names::<E>()? {
            if !fields.contains(&name) {
                fields.push(name);
            }
        }
        let statement = select_statement::<E>(&fields, filter, order, &page.one_more())?;
        let mut rows = self.rows(&statement).await?;
        let size = page.limit() as usize;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = match rows.last() {
            Some(last) if more => Some(Cursor::of::<E>(last, order)?),
            _ => None,
        };
        Ok((rows.iter().map(S::from_row).collect::<Result<_>>()?, next))
    }

    async fn one(&self, statement: &Statement) -> Result<tokio_postgres::Row> {
        self.rows(statement).await?.pop().ok_or_else(|| Error::internal("an aggregate without a row"))
    }
}
