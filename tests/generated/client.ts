// What a customer's program does with the client that openapi-typescript and openapi-fetch make of
// docs/openapi.json: signs up, signs in, reads and changes the profile, and filters a list.
//
//   node client.js API_URL ADDRESS PASSWORD ACCESS_TOKEN_OF_AN_ADMINISTRATOR

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

type User = components["schemas"]["UserResponse"];
type Failure = components["schemas"]["ErrorBody"];

const [baseUrl, email, password, administrator] = process.argv.slice(2) as [string, string, string, string];

// Lists are comma-separated, and each property of `meta_keys` is a parameter: as the document says.
const api = createClient<paths>({
  baseUrl,
  querySerializer: { array: { style: "form", explode: false }, object: { style: "form", explode: true } },
});
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

function check(holds: boolean, what: string, seen: unknown): asserts holds {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(seen)}`);
}

/** Returns the data of a response that must be a success. */
function good<T>(response: { data?: T; error?: unknown }, what: string): T {
  check(response.data !== undefined, what, response.error);
  return response.data;
}

const faulty = await api.POST("/api/v1/auth/sign-up/", { body: { email: "nobody", password: "x".repeat(200) } });
const failure: Failure | undefined = faulty.error;
const reasons = failure?.details.map(({ key, reason }) => `${key} ${reason}`).sort();
check(String(reasons) === "email format,password too_long", "all faults at once", failure);

const created = good(await api.POST("/api/v1/auth/sign-up/", { body: { email, password } }), "sign-up");
// With SIGN_UP_ANSWERS=private it would be 202, which shows no account.
check("uuid" in created, "the new account", created);
const tokens = good(await api.POST("/api/v1/auth/tokens/", { body: { email, password } }), "sign-in");
check(tokens.user_data.uuid === created.uuid, "the same user", tokens.user_data);

const me: User = good(await api.GET("/api/v1/users/me/", bearer(tokens.access)), "me");
check(me.email === email && me.uuid === created.uuid, "me", me);

const changed = good(
  await api.PATCH("/api/v1/users/me/", {
    ...bearer(tokens.access),
    body: { city: "Paris, Texas", birthday: null, meta: { theme: "dark", sizes: [1, 2] } },
  }),
  "PATCH",
);
check(changed.city === "Paris, Texas" && changed.meta["theme"] === "dark", "the change", changed);

const filtered = good(
  await api.GET("/api/v1/users/", {
    ...bearer(administrator),
    params: {
      query: {
        id__in: [me.id, me.id + 1],
        uuid: me.uuid,
        city__in: ["Rome", "Paris%2C Texas"],
        is_active: true,
        created_at__lte: me.created_at,
        meta_keys: { meta__theme__e: "dark", meta__sizes__jsonb_like: "2" },
        order: "-created_at,id",
        limit: 5,
        count: true,
      },
    },
  }),
  "a filtered list",
);
const found: User[] = filtered.results;
check(filtered.count === 1 && found[0]?.uuid === me.uuid && filtered.next === null, "the list", filtered);
