-- Why a message was refused. SQS moves it to the dead-letter queue unchanged and says nothing.
create table dead_letter (
  queue      text not null check (queue in ('events', 'tasks')),
  -- SQS's id of the message: the same on the queue and on its dead-letter queue.
  message_id text not null,
  -- The event or task that it named, if it could be read.
  name       text,
  reason     text not null,
  at         timestamptz not null default now(),
  primary key (queue, message_id)
);
create index dead_letter_at_idx on dead_letter (at);

-- Messages that were at work when their process died. A row is committed before a message that has
-- come again is worked on, and removed after it; one that is found later tells who did it.
create table strike (
  queue      text not null check (queue in ('events', 'tasks')),
  message_id text not null,
  strikes    int not null,
  at         timestamptz not null default now(),
  primary key (queue, message_id)
);
