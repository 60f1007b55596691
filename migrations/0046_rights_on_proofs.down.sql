do $$
begin
  if not exists (select from pg_roles where rolname = 'operations') then
    return;
  end if;
  revoke select (email_verified_at) on users from operations;
end
$$;
