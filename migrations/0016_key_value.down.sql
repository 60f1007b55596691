drop table key_value;
