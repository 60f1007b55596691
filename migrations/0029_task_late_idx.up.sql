-- no transaction
-- The search for tasks whose message was lost. A message that was given up lives longer than the others.
create index concurrently if not exists task_late_idx on task (state, set_aside_at, since)
  where state in ('queued', 'retrying', 'running')
