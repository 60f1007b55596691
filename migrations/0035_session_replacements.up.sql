-- How many pairs have taken the place of a lost one since the last rotation: a small number may.
alter table auth_session add column replacements integer not null default 0;
