drop function prune_audit_log(bigint);
drop table audit_retention;
