-- Messages that must leave if and only if their transaction commits.
create table outbox (
  -- Version 7: ids sort by time. The id travels in the message, so a reader can tell a repetition.
  id           uuid primary key,
  -- Only for claiming in order. Never "everything after the last one seen": numbers are taken
  -- before the commit, and such a reader would step over rows that commit late.
  seq          bigint generated always as identity,
  queue        text not null check (queue in ('events', 'tasks')),
  body         text not null,
  created_at   timestamptz not null default now(),
  due_at       timestamptz not null default now(),
  attempts     int not null default 0,
  -- Who is sending it right now, and until when nobody else may.
  lease_until  timestamptz,
  lease_by     uuid,
  published_at timestamptz,
  last_error   text
);

-- The relay's question, whose cost must not grow with what has been published.
create unique index outbox_unpublished_idx on outbox (seq) where published_at is null;
