-- For `cargo xtask users set-email`: the places where a user has signed in are forgotten with the old address. A row that
-- is about to be deleted is locked first, which needs the right to update a column.
do $$
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  -- A role of that name that belongs to another project on the same server.
  if not has_column_privilege('operations', 'users', 'email', 'select') then
    return;
  end if;
  grant select (key, user_uuid), update (until), delete on sign_in_place to operations;
end
$$;
