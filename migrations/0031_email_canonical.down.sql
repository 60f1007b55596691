-- The version before knows the canonical form only, so that form comes back. How an address was typed is lost.
update users set email = email_canonical where email_canonical is not null and email <> email_canonical;
alter table users drop column email_canonical;
