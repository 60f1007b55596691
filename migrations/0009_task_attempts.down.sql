drop index task_finished_at_idx;
drop index task_waiting_key;
alter table task drop column unique_key, drop column owner;
alter table task alter column attempt set default 0;
alter table task rename column attempt to attempts;
