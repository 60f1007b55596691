-- no transaction
-- The clean-up reads the whole table again.
drop index concurrently if exists strike_at_idx;
