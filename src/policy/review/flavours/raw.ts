import type { Json } from "../../../protocol/json.ts";
import { type FlavourForm, NO_MORE_CHECKS, type Question, type StoredPause } from "./form.ts";

/** A plain `interrupt()` with any value, which takes any JSON; the last to be asked, so it takes every pause. */
export const raw: FlavourForm = {
  ...NO_MORE_CHECKS,
  question: plainQuestion,
  fromResume(resume, _actions, at) {
    const place = { self: at, args: at, name: at, message: at, value: at };
    return {
      ok: true,
      value: [{ type: "respond", value: (resume ?? null) as Json }],
      places: { all: at, each: [place] },
    };
  },
  toGraph({ answers }, [decision]) {
    switch (decision?.type) {
      case "respond":
        return decision.value ?? decision.message ?? null;
      case "approve":
        return answers?.approve ?? null;
      case "reject":
        return answers?.reject ?? null;
      default:
        return null;
    }
  },
};

/** A value that is shown as it is, and answered with one. */
export function plainQuestion({ graph_id, node, value, response_schema }: StoredPause): Question {
  return {
    title: `${graph_id}: "${node}" asks`,
    description: "",
    actions: [
      {
        index: 0,
        name: node,
        args: value,
        allowed: ["respond"],
        ...(response_schema === null ? {} : { args_schema: response_schema }),
        preview: `The value you send is given to the node "${node}" as it is.`,
      },
    ],
    shown: value,
  };
}
