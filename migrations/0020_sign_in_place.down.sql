drop table sign_in_place;
