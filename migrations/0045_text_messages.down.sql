-- Loses how many text messages were sent, so the budgets of the day begin again.
drop table text_message_day;
drop table text_message;
