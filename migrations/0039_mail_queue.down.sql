-- Earlier versions run all tasks from one queue.
update outbox set queue = 'tasks' where queue = 'mail';
update task set queue = 'tasks' where queue = 'mail';
update dead_letter set queue = 'tasks' where queue = 'mail';
delete from strike where queue = 'mail';
alter table outbox
  drop constraint outbox_queue_check,
  add constraint outbox_queue_check check (queue in ('events', 'tasks'));
alter table dead_letter
  drop constraint dead_letter_queue_check,
  add constraint dead_letter_queue_check check (queue in ('events', 'tasks'));
alter table strike
  drop constraint strike_queue_check,
  add constraint strike_queue_check check (queue in ('events', 'tasks'));
