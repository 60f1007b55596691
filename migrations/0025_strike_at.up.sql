-- no transaction
-- For the clean-up, which otherwise reads every strike to find the old ones.
create index concurrently if not exists strike_at_idx on strike (at);
