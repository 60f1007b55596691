-- no transaction
-- 0033 has made the index that replaces it. Without a transaction, because dropping it must not hold the table.
drop index concurrently if exists outbox_due_idx
