-- The trace that a task belongs to, in the form of the header `traceparent`. A task that is sent again after its message
-- was lost continues it. Null in rows of earlier versions. The outbox needs no column: its messages hold their trace.
-- No row has a value yet, so none is read; the next migration validates the constraint.
alter table task add column traceparent text;
alter table task
  add constraint task_traceparent_check check (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$') not valid;
