-- For the clean-up: idle_until is never later than expires_at, so it says when a session is over.
create index auth_session_idle_until_idx on auth_session (idle_until);
