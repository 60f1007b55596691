do $$
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  revoke select (key, user_uuid), update (until), delete on sign_in_place from operations;
end
$$;
