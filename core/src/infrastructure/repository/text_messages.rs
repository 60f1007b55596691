//! Tables `text_message` and `text_message_day`: what was sent, and the budgets.

use time::OffsetDateTime;
use uuid::Uuid;

use super::column;
use crate::{
    config::SmsBudget,
    domain::{Result, users::NumberRange},
    infrastructure::db::{Parameter, Sql},
};

/// A range is judged by so many of its last messages.
const JUDGED: i64 = 100;
/// A range stops if fewer of these were redeemed.
const FEWEST_REDEEMED: i64 = 10;

/// A text message about to be sent.
#[derive(Debug)]
pub struct NewText<'a> {
    /// The challenge whose code it carries, or else the task that sends it.
    pub id: Uuid,
    /// The entry of the list of countries that the number belongs to.
    pub country: &'a str,
    pub range: &'a NumberRange,
    /// Whether somebody has proved the number before.
    pub is_proved: bool,
    pub now: OffsetDateTime,
}

/// Counts a message in the budgets of its day. Returns whether they allow it; if not, the caller rolls back. A
/// message that was counted before is allowed, and not counted again.
pub async fn count(tx: &impl Sql, new: &NewText<'_>, budget: SmsBudget) -> Result<bool> {
    let text = "insert into text_message (challenge, number_range, is_proved, at) values ($1, $2, $3, $4)
                on conflict (challenge) do nothing";
    let params: [&dyn Parameter; 4] = [&new.id, &new.range.as_str(), &new.is_proved, &new.now];
    if tx.execute(text, &params).await? == 0 {
        return Ok(true);
    }
    // The row that all messages share comes last, so that it is locked for the shortest time.
    for (country, limit) in [(new.country, budget.country), ("", budget.all)] {
        let text = "insert into text_message_day as d (day, country, sent, unproved) values ($1, $2, 1, $3)
                    on conflict (day, country) do update
                      set sent = d.sent + 1, unproved = d.unproved + excluded.unproved
                      where d.sent < $4 and d.unproved + excluded.unproved <= greatest(d.unproved, $5)";
        let unproved = i32::from(!new.is_proved);
        let params: [&dyn Parameter; 5] = [&new.now.date(), &country, &unproved, &limit, &(limit / 2)];
        if tx.execute(text, &params).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether a range gets no messages: fewer than 10 of its last 100 were redeemed. Messages to proved numbers and
/// to others are judged separately, so that nobody can stop the users of a range with numbers that they make up.
pub async fn is_stopped(sql: &impl Sql, range: &NumberRange, is_proved: bool) -> Result<bool> {
    let text = "select count(*) as sent, count(redeemed_at) as redeemed
                from (select redeemed_at from text_message where number_range = $1 and is_proved = $2
                      order by at desc limit $3) as last";
    let Some(row) = sql.row(text, &[&range.as_str(), &is_proved, &JUDGED]).await? else { return Ok(false) };
    let (sent, redeemed): (i64, i64) = (column(&row, "sent")?, column(&row, "redeemed")?);
    Ok(sent == JUDGED && redeemed < FEWEST_REDEEMED)
}

/// Notes that the code of a challenge was used.
pub async fn note_redeemed(tx: &impl Sql, challenge: Uuid, now: OffsetDateTime) -> Result<()> {
    let text = "update text_message set redeemed_at = $2 where challenge = $1";
    tx.execute(text, &[&challenge, &now]).await.map(drop)
}
