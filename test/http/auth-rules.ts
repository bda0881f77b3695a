import { Auth } from "@langchain/langgraph-sdk/auth";
import { shown } from "./auth-scene.ts";

interface Ruled {
  identity: string;
  rule?: string;
  team?: string;
}

type Value = { metadata?: Record<string, unknown> | null; kwargs?: { config?: Record<string, unknown> } };

/** Each user's `rule` says how they are dealt with; without one everybody owns what they make. */
function dealWith({ user, value, action }: { user: unknown; value: unknown; action: string }): unknown {
  const { identity, rule, team } = user as Ruled;
  const changed = value as Value;
  const makes = action === "create" || action === "create_run" || action === "update";
  switch (rule) {
    case "all":
      return true;
    case "notes": {
      const { thread_id, assistant_id } = value as { thread_id?: string; assistant_id?: string };
      noted.push(thread_id ?? assistant_id ?? "nothing");
      return undefined;
    }
    case "listed":
      // A project may keep elsewhere who may see which thread.
      return (value as { thread_id?: string }).thread_id === listed.thread_id;
    case "reads":
      return makes ? false : { owner: identity };
    case "trusts":
      return { owner: identity };
    case "team":
      if (makes) changed.metadata = { ...changed.metadata, teams: [team] };
      return { teams: { $contains: team ?? "" } };
    case "tells":
      if (action === "create_run" && changed.kwargs !== undefined) {
        changed.kwargs.config = { ...changed.kwargs.config, configurable: { langgraph_auth_user: "forged" } };
        changed.metadata = { said: "by the handler" };
      }
      return undefined;
    case "spoils":
      changed.metadata = "everything" as never;
      return undefined;
  }
  if (makes) changed.metadata = { ...changed.metadata, owner: identity };
  return { owner: identity };
}

/** What was made by those whose rule is `notes`. */
export const noted: string[] = [];
/** The one thread that those may see whose rule is `listed`. */
export const listed = { thread_id: "" };
/** An Auth that deals with everybody as the rule in their token says. */
export const ruled = new Auth()
  .authenticate((request) => shown(request) as string)
  .on("threads:update", ({ user, value }) => {
    const { identity, rule } = user as Ruled;
    if (rule === "reads") return false;
    if (rule !== "trusts") value.metadata = { ...value.metadata, owner: identity };
    return rule === "all" ? undefined : { owner: identity };
  })
  .on(["threads", "assistants", "crons"], (asked) => dealWith(asked) as never);
