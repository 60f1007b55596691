alter table auth_session drop column proved_at;
