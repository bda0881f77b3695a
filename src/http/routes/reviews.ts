import { z } from "zod";
import { firstBrokenLink, type StoredLink } from "../../policy/audit-chain.ts";
import { reviewAudit } from "../../postgres/audit.sql.ts";
import { countReviews, MOST_COUNTED, REVIEW_SORTS } from "../../postgres/review-list.sql.ts";
import { readReview, readReviews } from "../../postgres/reviews.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { REVIEW_STATUSES, type ReviewTask } from "../../protocol/review.ts";
import { RISKS } from "../../protocol/review-policy.ts";
import { reviewCountsWire, reviewWire } from "../../protocol/review-wire.ts";
import { anyObject, lists, shows } from "../answers.ts";
import { flag, limitSchema, offsetSchema, textSchema, wholeNumber, wordsParameter } from "../read-request.ts";
import { json, page } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";

const listSchema = z.object({
  status: wordsParameter(REVIEW_STATUSES).optional(),
  graph_id: textSchema.optional(),
  thread_id: uuidSchema.optional(),
  risk: z.enum(RISKS).optional(),
  assignee: textSchema.optional(),
  group: textSchema.optional(),
  mine: flag.default(false),
  my_groups: flag.default(false),
  unclaimed: flag.optional(),
  overdue: flag.optional(),
  snoozed: flag.optional(),
  due_before: z.iso.datetime({ offset: true }).optional(),
  q: textSchema.optional(),
  brief: flag.default(false).describe("Without what may be long: value, description, arguments and schemas."),
  sort: z.enum(REVIEW_SORTS).default("opened_at"),
  limit: wholeNumber(limitSchema).default(100),
  offset: wholeNumber(offsetSchema).default(0),
});

/** Reviews: what waits for a person, what was said, and the record of it. */
export const reviewRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/reviews",
    permission: "review:read",
    event: "threads:search",
    summary: "List reviews",
    query: listSchema,
    answers: {
      200: lists(reviewWire, "One page. Of very many only that there are more is told, by x-pagination-more-than."),
    },
    async handle(call) {
      const { mine, my_groups, group, brief, ...asked } = call.query;
      const { tenant_id, principal_id, groups } = call.principal;
      const of = [...(my_groups ? groups : []), ...(group === undefined ? [] : [group])];
      const seen = call.access.of("threads");
      const filter = {
        ...asked,
        // Of everything that may be seen nothing is looked up.
        ...(Object.keys(seen).length === 0 ? {} : { seen }),
        mine: mine ? principal_id : null,
        groups: my_groups || group !== undefined ? of : null,
      };
      const { reviews, total } = await readReviews(call.deps.database, tenant_id, filter);
      const shown = brief ? reviews.map(briefly) : reviews;
      const listed = page(shown, filter, reviews.length === 0 && filter.offset > 0 ? undefined : total);
      if (total === undefined) listed.headers.set("x-pagination-more-than", String(MOST_COUNTED));
      return listed;
    },
  }),
  defineRoute({
    method: "GET",
    path: "/reviews/counts",
    permission: "review:read",
    event: "threads:search",
    summary: "Count reviews by what somebody may have to do about them",
    answers: { 200: shows(reviewCountsWire, "The counts.") },
    async handle({ deps, access, principal: { tenant_id, principal_id, groups } }) {
      return json(await deps.database.one(countReviews(tenant_id, principal_id, groups, access.of("threads"))));
    },
  }),
  defineRoute({
    method: "GET",
    path: "/reviews/:review_id",
    permission: "review:read",
    event: "threads:read",
    summary: "Read a review",
    answers: { 200: shows(reviewWire, "The review.", ["etag"]) },
    async handle(call) {
      const review = await findReview(call);
      return json(review, 200, { etag: etagOf(review) });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/reviews/:review_id/audit",
    permission: ["review:read", "audit:read"],
    event: "threads:read",
    summary: "Read the record of a review",
    answers: { 200: shows(z.array(anyObject), "Its links, in order.", ["x-holdpoint-chain"]) },
    async handle(call) {
      const review = await findReview(call);
      const links = await call.deps.database.many(reviewAudit(call.principal.tenant_id, review.id));
      const broken = firstBrokenLink(links.map(({ audit_seq: _position, ...link }) => link as StoredLink));
      const chain = broken === null ? "intact" : `broken at ${broken + 1}`;
      return json(links, 200, { "x-holdpoint-chain": chain });
    },
  }),
];

/** A review as a line of a list needs it. */
function briefly(review: ReviewTask): ReviewTask {
  const actions = review.actions.map(
    ({ args_schema: _args, response_schema: _response, description: _text, ...action }) => ({
      ...action,
      args: null,
    }),
  );
  return { ...review, value: null, description: "", response_schema: null, actions };
}

/** The review that the path names. Throws `not_found`, `invalid`. */
export async function findReview(call: Call<"review_id">): Promise<ReviewTask> {
  const id = call.params.review_id;
  const review = await readReview(call.deps.database, call.principal.tenant_id, id);
  if (review === undefined) throw new HoldpointError("not_found", `Review ${id} not found`);
  return review;
}

/** What If-Match has to say. */
export const etagOf = ({ version }: ReviewTask) => `"${version}"`;
