-- A message carries its task's id and attempt; only the two together may run it. A retry raises the
-- attempt in the transaction that writes the next message, so that no older copy runs any more.
alter table task rename column attempts to attempt;
alter table task alter column attempt set default 1;
update task set attempt = 1 where attempt < 1;

alter table task
  -- At most one task of a name and key waits; one that is running does not count, because what
  -- changed after it began needs another run.
  add column unique_key text,
  -- The user who may read what became of it.
  add column owner uuid;

create unique index task_waiting_key on task (name, unique_key) where state in ('queued', 'retrying');
-- What the clean-up may delete.
create index task_finished_at_idx on task (finished_at) where finished_at is not null;
