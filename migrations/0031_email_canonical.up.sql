-- The identity of an address: one form for all its spellings. `email` keeps the address as its owner typed it.
-- Null in rows from before, and in rows that an older version inserts, until `cargo xtask users emails --change`.
alter table users add column email_canonical varchar(128) collate "C";
