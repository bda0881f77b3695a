import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { holdpoint } from "../cli/holdpoint.ts";
import { ask, decide, openReview, sdk } from "../support/client.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { startServer } from "../support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-policy-"));
const policy = join(folder, "policy.yaml");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RULES = `rules:
  - match: { graph: plain-*, arguments: [{ at: "", equals: "pay?" }] }
    set:
      risk: high
      due: 4h
      allowed: [approve, reject]
      answers: { approve: true, reject: false }
`;

it("a server holds to the policy file: what it asks, what it takes, and what the graph is given", async () => {
  const house = await openRefundHouse();
  try {
    writeFileSync(policy, RULES);
    const env = { HOLDPOINT_POLICY_FILE: policy, HOLDPOINT_REVIEW_DUE_HOURS: "5" };
    const server = await startServer({ databaseUrl: house.url, env });
    const client = sdk(server.url);
    const { thread_id } = await client.threads.create();
    await client.runs.wait(thread_id, "plain-once", { input: { amount: 5 } });
    const review = await openReview(server.url, thread_id);
    expect(review).toMatchObject({
      flavour: "raw",
      risk: "high",
      actions: [{ allowed: ["approve", "reject"], preview: expect.stringContaining('The node "ask" is given true.') }],
      policy: { due_after_seconds: 14_400, answers: { approve: true, reject: false } },
    });
    // A word that the policy has not given is none, whichever road it takes.
    const byApi = await decide(server.url, review, { type: "respond", value: true });
    expect([byApi.status, byApi.code]).toEqual([422, "invalid"]);
    const body = { assistant_id: "plain-once", command: { resume: { [review.interrupt_id as string]: true } } };
    const byResume = await ask(server.url, `/threads/${thread_id}/runs`, { body });
    expect([byResume.status, byResume.code]).toEqual([422, "invalid"]);
    expect(await openReview(server.url, thread_id)).toEqual(review);

    const { body: decided } = await decide(server.url, review, { type: "approve" });
    await client.runs.join(thread_id, decided.run_id);
    expect(await client.runs.get(thread_id, decided.run_id)).toMatchObject({ status: "success" });
    expect((await client.threads.getState(thread_id)).values).toMatchObject({
      log: expect.arrayContaining(["said true"]),
    });

    const other = await client.threads.create();
    await client.runs.wait(other.thread_id, "plain-twice", { input: { amount: 5 } });
    const unmatched = await openReview(server.url, other.thread_id);
    expect(unmatched).toMatchObject({
      risk: null,
      actions: [{ allowed: ["respond"] }],
      policy: { due_after_seconds: 18_000 },
    });
    expect(await server.stop()).toEqual({ code: 0, signal: null });

    writeFileSync(policy, `${RULES}      dew: 4h\n`);
    const settings = { ...env, DATABASE_URL: house.url, HOLDPOINT_DATA_DIR: folder, HOLDPOINT_TEST: "1", PORT: "0" };
    expect(await holdpoint(["start"], settings)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/^holdpoint: \S*policy\.yaml:8:7: rules\[0\]\.set: there is no setting "dew"$/m),
    });
  } finally {
    await house.close();
  }
}, 120_000);
