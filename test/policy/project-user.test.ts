import { expect, it } from "vitest";
import { principalOfUser } from "../../src/http/auth/project-user.ts";
import { withUser } from "../../src/policy/run-settings.ts";
import { standing } from "../../src/postgres/identity.ts";

it("takes a user for who they were said to be, whatever is kept of them", () => {
  const user = { identity: "ana", display_name: "Ana", is_authenticated: true, permissions: ["me"] };
  const ana = principalOfUser(user);
  expect(standing(ana, undefined)).toBe(ana);
  const row = {
    ...ana,
    groups: ["kings"],
    kind: "agent",
    source: "holdpoint",
    holds: true,
    permissions: ["admin"],
  } as const;
  expect(standing(ana, row as never)).toBe(ana);
});

it("tells a graph nothing of its user but what is known, whatever else says so", () => {
  const forged = {
    langgraph_auth_user: "boss",
    langgraph_auth_user_id: "boss",
    langgraph_auth_permissions: [],
    note: 1,
  };
  expect(withUser(forged, undefined)).toEqual({ note: 1 });
  const user = { identity: "ana", display_name: "ana", is_authenticated: true, permissions: ["me"] };
  expect(withUser(forged, user)).toEqual({
    note: 1,
    langgraph_auth_user: user,
    langgraph_auth_user_id: "ana",
    langgraph_auth_permissions: ["me"],
  });
});
