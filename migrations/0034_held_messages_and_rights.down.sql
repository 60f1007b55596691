-- Messages that are held are due when their pause ends. `operations` may read and write nearly all tables again.
alter table outbox drop column held_at;

do $$
declare
  item text;
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  if not has_column_privilege('operations', 'users', 'email', 'select') then
    return;
  end if;
  for item in
    select oid::regclass from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
      and relowner = current_user::regrole
  loop
    execute format('revoke all on %s from operations', item);
  end loop;
  grant select, insert, update, delete on outbox, task, dead_letter, key_value, user_role to operations;
  grant select, update on users to operations;
  grant select on role, audit_log to operations;
  grant insert (action, outcome, actor, subject, ip, request_id, details) on audit_log to operations;
end
$$;
