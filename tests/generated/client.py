"""What a customer's program does with the client that openapi-python-client makes of docs/openapi.json:
signs up, signs in, reads and changes the profile, and filters a list.

    python client.py API_URL ADDRESS PASSWORD ACCESS_TOKEN_OF_AN_ADMINISTRATOR
"""

import sys

from api_client import AuthenticatedClient, Client
from api_client.api.auth import sign_in, sign_up
from api_client.api.users import list_users, me, update_me
from api_client.models import (
    ErrorBody,
    ListResponseUserResponse,
    ListUsersMetaKeys,
    SignUpRequest,
    SignUpResponse,
    TokensRequest,
    TokensResponse,
    UpdateMeRequest,
    UpdateMeRequestMetaType0,
    UserResponse,
)

url, email, password, administrator = sys.argv[1:]
public = Client(base_url=url, raise_on_unexpected_status=True)

faulty = sign_up.sync(client=public, body=SignUpRequest(email="nobody", password="x" * 200))
assert isinstance(faulty, ErrorBody), faulty
reasons = sorted((detail.key, detail.reason) for detail in faulty.details)
assert reasons == [("email", "format"), ("password", "too_long")], reasons

created = sign_up.sync(client=public, body=SignUpRequest(email=email, password=password))
assert isinstance(created, SignUpResponse), created
tokens = sign_in.sync(client=public, body=TokensRequest(email=email, password=password))
assert isinstance(tokens, TokensResponse), tokens
assert tokens.user_data.uuid == created.uuid

user = AuthenticatedClient(base_url=url, token=tokens.access, raise_on_unexpected_status=True)
profile = me.sync(client=user)
assert isinstance(profile, UserResponse), profile
assert (profile.uuid, profile.email) == (created.uuid, email), profile

meta = UpdateMeRequestMetaType0.from_dict({"theme": "dark", "sizes": [1, 2]})
changed = update_me.sync(client=user, body=UpdateMeRequest(city="Paris, Texas", birthday=None, meta=meta))
assert isinstance(changed, UserResponse), changed
assert (changed.city, changed.meta["theme"]) == ("Paris, Texas", "dark"), changed

operator = AuthenticatedClient(base_url=url, token=administrator, raise_on_unexpected_status=True)
page = list_users.sync(
    client=operator,
    # This client repeats the key of a list, which is accepted as well as commas.
    id_in=[profile.id, profile.id + 1],
    uuid=profile.uuid,
    city_in=["Rome", "Paris%2C Texas"],
    is_active=True,
    created_at_lte=profile.created_at,
    meta_keys=ListUsersMetaKeys.from_dict({"meta__theme__e": "dark", "meta__sizes__jsonb_like": "2"}),
    order="-created_at,id",
    limit=5,
    count=True,
)
assert isinstance(page, ListResponseUserResponse), page
assert (page.count, page.next_) == (1, None), page
assert [found.uuid for found in page.results] == [profile.uuid], page
