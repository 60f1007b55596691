-- For `cargo xtask users check`: operators find and clean values that the API no longer accepts.
do $$
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  -- A role of that name that belongs to another project on the same server.
  if not has_column_privilege('operations', 'users', 'email', 'select') then
    return;
  end if;
  grant select (photo, first_name, last_name, street, city, state, zip_code, country),
        update (photo, first_name, last_name, street, city, state, zip_code, country) on users to operations;
end
$$;
