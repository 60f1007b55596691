-- no transaction
-- A claim reads the due messages of all queues again.
drop index concurrently if exists outbox_queue_idx
