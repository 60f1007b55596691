-- no transaction
-- Finds the accounts that nobody has proved, the oldest first. All others cost it nothing.
create index concurrently if not exists users_unverified_idx on users (created_at, uuid)
  where email_verified_at is null and phone_verified_at is null
