-- How long the audit log keeps its rows. One row, which only the owner of the schema changes: whoever takes over a
-- function must not be able to make traces disappear sooner.
create table audit_retention (
  only_row boolean primary key default true check (only_row),
  -- Null: for ever.
  days     integer check (days >= 30)
);

-- A log that has rows already is not shortened before its operator decides.
insert into audit_retention (days) select case when exists (select from audit_log) then null else 365 end;

-- Runs with the rights of the owner, because no function may delete rows of the log. It deletes only what the
-- table above says, however it is called. The path is fixed, so that no caller can put another table in the place
-- of these two.
do $$
begin
  execute format('
    create function prune_audit_log(most bigint) returns bigint
    language sql security definer set search_path = %I, pg_temp as $body$
      with pruned as (
        delete from audit_log where id = any(array(
          select id from audit_log
          where at < statement_timestamp() - (select days from audit_retention) * interval ''1 day''
          order by at limit most))
        returning 1)
      select count(*) from pruned
    $body$', current_schema());
  revoke execute on function prune_audit_log(bigint) from public;

  if not exists (select from pg_roles where rolname = 'app') then
    return;
  end if;
  -- A role of that name that belongs to another project on the same server.
  if not has_table_privilege('app', 'users', 'select') then
    return;
  end if;
  grant execute on function prune_audit_log(bigint) to app;
  revoke insert, update, delete on audit_retention from app;
end
$$;
