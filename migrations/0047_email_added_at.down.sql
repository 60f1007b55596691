-- Loses which addresses are new, so a number can be removed at once next to one.
alter table users drop column email_added_at;
