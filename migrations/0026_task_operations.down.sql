update task set state = 'failed' where state = 'cancelled';
alter table task drop constraint task_state_check;
alter table task add constraint task_state_check
  check (state in ('queued', 'running', 'retrying', 'succeeded', 'failed'));
alter table task drop column since, drop column set_aside_at, drop column earlier_attempts, drop column never_begun;
