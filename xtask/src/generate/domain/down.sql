-- All <gadgets> are lost.
drop table gadgets;
