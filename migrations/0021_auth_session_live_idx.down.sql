drop index if exists auth_session_live_idx;
