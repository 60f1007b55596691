alter table auth_session drop column replacements;
