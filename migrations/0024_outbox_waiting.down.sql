-- no transaction
-- The queries stay the same, and read all unpublished messages again.
drop index concurrently if exists outbox_waiting_idx;
