-- Loses the traces of tasks. Tasks that wait run nevertheless: their messages have the traces, too.
alter table task drop column traceparent;
