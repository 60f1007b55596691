do $$
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  revoke select (photo, first_name, last_name, street, city, state, zip_code, country),
         update (photo, first_name, last_name, street, city, state, zip_code, country) on users from operations;
end
$$;
