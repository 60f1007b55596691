-- Operators retry and cancel tasks, and a daily task finds those whose message was lost.
alter table task
  -- Since when the task is in its state. A task that waits: from when on its message can be received.
  add column since            timestamptz not null default now(),
  -- When its message was given up. It lies in the dead-letter queue, and a redrive runs the task.
  add column set_aside_at     timestamptz,
  -- Attempts before an operator's last retry, and those of lost messages. They do not count towards the limit.
  add column earlier_attempts int not null default 0,
  -- Attempts that ended before they began. They do not count as tries.
  add column never_begun      int not null default 0;

-- Not valid: reading the whole table here would stop all others from using it. 0028 reads it.
alter table task drop constraint task_state_check;
alter table task add constraint task_state_check
  check (state in ('queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled')) not valid;
