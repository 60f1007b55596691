-- The queue of tasks that send mail. Rows that are there have met a stricter check: they are not read again.
alter table outbox
  drop constraint outbox_queue_check,
  add constraint outbox_queue_check check (queue in ('events', 'tasks', 'mail')) not valid;
alter table dead_letter
  drop constraint dead_letter_queue_check,
  add constraint dead_letter_queue_check check (queue in ('events', 'tasks', 'mail')) not valid;
alter table strike
  drop constraint strike_queue_check,
  add constraint strike_queue_check check (queue in ('events', 'tasks', 'mail')) not valid;
