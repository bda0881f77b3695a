import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { configureModels } from "../../src/kit/models/model.ts";
import { type ModelStep, type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";
import { openRefundShop, type RefundShop, refundExample } from "../support/refund-shop.ts";

let shop: RefundShop;
let server: OpenAIServer;
beforeAll(async () => {
  [shop, server] = await Promise.all([openRefundShop(), startOpenAIServer()]);
});
afterAll(() => Promise.all([shop.close(), server.close()]));
beforeEach(() => configureModels({ apiKey: "sk-test", baseUrl: server.url, model: "test-model", firstWaitMs: 1 }));
afterEach(async () => {
  configureModels({});
  await shop.clear();
});

const says = (change: object): ModelStep => ({
  json: { wants_refund: true, invoice_id: 121, amount: null, reason: "charged twice", confidence: 0.97, ...change },
});

describe("analysing with a model", () => {
  test("what it reads is what is validated and paid, and the state says who read it", async () => {
    server.script(says({}));
    const started = await shop.startCase(await refundExample("small"));
    const state = await started.state();
    expect(state.analysis).toMatchObject({ method: "model", note: "This was read by the model test-model." });
    expect(state.outcome).toBe("paid");
    expect(await shop.refunds()).toEqual([{ invoice_id: 121, amount: "3.96" }]);
    expect(server.requests).toHaveLength(1);
    expect(JSON.stringify(server.requests[0]?.body.messages)).toContain("charged twice for the same two songs");
  });

  test.each<[string, ModelStep, string[], string[]]>([
    ["is unsure", says({ confidence: 0.79 }), ["low_confidence"], ["propose"]],
    ["names somebody else's invoice", says({ invoice_id: 5 }), ["not_theirs"], ["refuse", "finalize"]],
    ["makes up an invoice", says({ invoice_id: 9_007_199_254_740_991 }), ["unknown_invoice"], ["refuse", "finalize"]],
    ["makes up an amount", says({ amount: "999999999.99" }), ["too_much"], ["refuse", "finalize"]],
    ["asks for nothing", says({ amount: "0" }), ["no_amount"], ["refuse", "finalize"]],
    ["sees no request", says({ wants_refund: false }), ["no_request"], ["propose"]],
    ["writes half a character", says({ reason: "twice \ud83d", confidence: 0.5 }), ["low_confidence"], ["propose"]],
  ])("a model that %s pays nothing", async (_name, step, findings, nodes) => {
    server.script(step);
    const started = await shop.startCase(await refundExample("small"));
    expect((await started.state()).findings.map(({ code }) => code)).toEqual(findings);
    expect(started.nodes).toEqual(["analyze", "validate", ...nodes]);
    expect(await shop.refunds()).toEqual([]);
  });
});

describe("a model that cannot be used", () => {
  test.each<[string, ModelStep]>([
    ["is busy", { status: 429, headers: { "retry-after": "0" } }],
    ["is busy for an hour", { status: 429, headers: { "retry-after": "3600" } }],
    ["is broken", { status: 500, headers: { "retry-after-ms": "1" } }],
    ["refuses the key", { status: 401 }],
    ["cuts its answers", { cut: true }],
    ["writes no JSON", { text: "I would refund it." }],
    ["breaks the shape", says({ confidence: 97 })],
  ])("because it %s leaves the case to a person, however small it is", async (_name, step) => {
    server.script(step);
    const started = await shop.startCase(await refundExample("small"));
    const state = await started.state();
    expect(started.nodes).toEqual(["analyze", "validate", "propose"]);
    expect(state.findings.map(({ code }) => code)).toEqual(["model_failed", "low_confidence"]);
    expect(state.analysis).toMatchObject({ method: "rules", confidence: 0.3, value: { invoice_id: 121 } });
    expect(state.analysis.note).toMatch(/^The model could not be used \(/);
    expect((await started.shown()).description).toMatch(/The model could not be used/);
    expect(await shop.refunds()).toEqual([]);
    await started.decide({ type: "approve" });
    expect(await shop.refunds()).toEqual([{ invoice_id: 121, amount: "3.96" }]);
  });
});
