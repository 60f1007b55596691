-- Nobody is an administrator any more; who was one is lost.
drop table user_role;
drop table role;
