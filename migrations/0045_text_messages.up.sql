-- Text messages that were sent, one row each. Counted before it is sent, and logged (not `unlogged`): a crash of the
-- server must not make a budget whole again.
create table text_message (
  -- The challenge whose code it carries. A task that runs twice counts once.
  challenge    uuid primary key,
  -- The number without its last four digits. Whoever earns money by text messages owns whole ranges.
  number_range text collate "C" not null,
  -- Whether somebody had proved the number before.
  is_proved    boolean not null,
  at           timestamptz not null,
  redeemed_at  timestamptz
);
create index text_message_number_range_idx on text_message (number_range, is_proved, at);
create index text_message_at_idx on text_message (at);

-- How many text messages were counted in a day, over all and to each country.
create table text_message_day (
  day      date not null,
  -- An entry of SMS_COUNTRIES; empty: all together.
  country  text collate "C" not null,
  sent     integer not null,
  -- How many of them went to numbers that nobody had proved before.
  unproved integer not null,
  primary key (day, country)
);
