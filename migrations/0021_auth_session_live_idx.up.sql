-- no transaction
-- The list of a user's sessions, and the count at each sign-in. Sessions that were ended cost them nothing.
create index concurrently if not exists auth_session_live_idx
  on auth_session (user_uuid, rotated_at desc, id desc) where revoked_at is null
