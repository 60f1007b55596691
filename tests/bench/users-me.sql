-- What users-me asks, by hand: session, user and permissions in one. So the functions differ from the programs that
-- they are compared with in what is around it, and in nothing else.
with live as (
  select id as session, user_uuid from auth_session
  where id = $1 and user_uuid = $3 and revoked_at is null and idle_until > $4 and expires_at > $4
), seen as (
  update auth_session set seen_at = $4
  where id in (select session from live) and access_sid = $2 and seen_at is null
)
select id, uuid, email, phone, first_name, last_name, birthday, photo, street, city, state, zip_code,
       country, is_active, is_guest, meta, created_at, updated_at,
       array(select unnest(role.permissions) from user_role join role on role.name = user_role.role
             where user_role.user_uuid = users.uuid) as permissions
from users join live on live.user_uuid = users.uuid where is_active
