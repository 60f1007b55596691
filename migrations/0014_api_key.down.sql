-- The keys are lost; programs that use them are out.
drop table api_key;
update role set permissions = array_remove(permissions, 'api_keys:write');
