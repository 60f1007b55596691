-- When the user of a session last proved their identity. The proof belongs to the live pair of tokens, and a refresh
-- passes it on. Equal to `rotated_at`: the live pair itself was given for the proof. No login needs another right:
-- `app` may write this table, `operations` may not.
alter table auth_session add column proved_at timestamptz;
