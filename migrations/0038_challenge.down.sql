drop table challenge;
alter table users
  drop column email_verified_at,
  drop column phone_verified_at,
  drop column deleted_at,
  drop column epoch;
