-- What became of each background task.
create table task (
  id            uuid primary key,
  name          text not null,
  queue         text not null,
  args          jsonb not null,
  state         text not null default 'queued'
                check (state in ('queued', 'running', 'retrying', 'succeeded', 'failed')),
  attempts      int not null default 0,
  result        jsonb,
  error         text,
  created_at    timestamptz not null default now(),
  started_at    timestamptz,
  -- A worker that died leaves its task running: after this moment another one may take it.
  running_until timestamptz,
  finished_at   timestamptz
);
