-- When an account that had no address got one. Null if the account has had an address since its sign-up, or since this
-- migration. A change of address does not set it: the account stays with the same owner. Such an account was found by
-- its number alone, so for a while the number wins over the address: a thief could have added that.
alter table users add column email_added_at timestamptz;
