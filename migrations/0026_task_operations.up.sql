-- Operators retry and cancel tasks, and a daily task finds those whose message was lost.
alter table task
  -- Since when the task is in its state. A task that waits: from when on its message can be received.
  add column since            timestamptz not null default now(),
  -- When its message was given up. It lies in the dead-letter queue, and a redrive runs the task.
  add column set_aside_at     timestamptz,
  -- Attempts before an operator's last retry. They do not count towards the limit.
  add column earlier_attempts int not null default 0;

alter table task drop constraint task_state_check;
alter table task add constraint task_state_check
  check (state in ('queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled'));

-- SQS refuses these two characters, so their messages were parked. As escapes they can be sent.
update outbox set body = replace(replace(body, chr(65534), '\ufffe'), chr(65535), '\uffff')
where published_at is null and (position(chr(65534) in body) > 0 or position(chr(65535) in body) > 0);
