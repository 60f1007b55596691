-- Which handler is done with which message. A row is written in the transaction of the handler's
-- effects: they happened if and only if it is there, so a message that comes again changes nothing.
create table inbox (
  handler    text not null,
  -- The message's own id. SQS gives a message that is sent twice two ids of its own, ours stays.
  message_id uuid not null,
  at         timestamptz not null default now(),
  primary key (handler, message_id)
);

-- What the clean-up may delete.
create index inbox_at_idx on inbox (at);
