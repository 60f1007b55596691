drop table strike;
drop table dead_letter;
