-- Requests that are sent again from now on are done again.
drop table idempotency_key;
