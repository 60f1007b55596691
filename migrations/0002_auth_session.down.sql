drop table auth_session;
