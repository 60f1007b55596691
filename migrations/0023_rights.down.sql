-- Back to two logins. The function `operations` of this version then needs the login of `app`.
do $$
declare
  item record;
begin
  if not exists (select from pg_roles where rolname = 'app') then
    return;
  end if;
  if not has_table_privilege('app', 'users', 'select') then
    return;
  end if;
  grant insert on audit_log to app;
  grant insert, update, delete on user_role to app;
  for item in
    select oid::regclass as name, relkind = 'S' as is_sequence from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'S')
      and relowner = current_user::regrole
  loop
    if item.is_sequence then
      execute format('grant usage, select on sequence %s to app', item.name);
    else
      execute format('revoke all on %s from operations', item.name);
    end if;
  end loop;
end
$$;
