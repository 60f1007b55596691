-- The extension stays: it belongs to the database, and somebody else may use it.
drop index users_email_idx;
drop index users_created_at_idx;
drop index users_substrings_idx;
