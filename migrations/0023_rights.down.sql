-- Back to two logins. The function `operations` of this version then needs the login of `app`.
do $$
begin
  if not exists (select from pg_roles where rolname = 'app') then
    return;
  end if;
  grant insert on audit_log to app;
  grant insert, update, delete on user_role to app;
  execute format('grant usage, select on all sequences in schema %I to app', current_schema());
  execute format('revoke all on all tables in schema %I from operations', current_schema());
end
$$;
