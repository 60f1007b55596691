-- For `cargo xtask users grant`: no role is granted to a user who has not proved the address.
do $$
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  -- A role of that name that belongs to another project on the same server.
  if not has_column_privilege('operations', 'users', 'email', 'select') then
    return;
  end if;
  grant select (email_verified_at) on users to operations;
end
$$;
