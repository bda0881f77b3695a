import { expect, test } from "vitest";
import { createEmbedder, type EmbedderOptions } from "../../src/kit/models/embedder.ts";

class Failed extends Error {
  readonly isTextRefused: boolean;
  constructor(message: string, isTextRefused: boolean) {
    super(message);
    this.isTextRefused = isTextRefused;
  }
}

const httpError = (status: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(`${status}`), { status, headers: new Headers(headers) });

/** An embedder over answers that come one after another, the last again and again. */
function scripted(answers: unknown[], changes: Partial<EmbedderOptions> = {}) {
  const asked: string[][] = [];
  const failures: string[] = [];
  const embedder = createEmbedder({
    model: "m/2",
    dims: 2,
    fields: ["$"],
    firstWaitMs: 1,
    timeoutMs: 120_000,
    pauseMs: 0,
    async embedDocuments(texts) {
      asked.push([...texts]);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return typeof answer === "function" ? answer(texts) : answer;
    },
    failed: (message, isTextRefused) => new Failed(message, isTextRefused),
    onFailure: (reason) => void failures.push(reason),
    ...changes,
  });
  return { embedder, asked, failures };
}

test("vectors have length 1, and none points nowhere", async () => {
  const { embedder } = scripted([[[3, 4], [0, 0], new Float64Array([-2, 0])]]);
  const vectors = await embedder.embed(["a", "b", "c"]);
  expect(vectors.map((vector) => vector && Array.from(vector, (one) => Math.round(one * 1e6) / 1e6))).toEqual([
    [0.6, 0.8],
    null,
    [-1, 0],
  ]);
});

test("texts go in bounded batches and come back in their order", async () => {
  const { embedder, asked } = scripted([(texts: string[]) => texts.map((text) => [1, Number(text.slice(0, 3))])]);
  const texts = Array.from({ length: 250 }, (_, index) => String(index).padStart(3, "0"));
  const vectors = await embedder.embed([...texts, `250${"x".repeat(150_000)}`, `251${"x".repeat(150_000)}`]);
  expect(asked.map(({ length }) => length)).toEqual([100, 100, 51, 1]);
  expect(vectors.map((vector) => Math.round((vector?.[1] ?? 0) / (vector?.[0] ?? 1)))).toEqual(
    Array.from({ length: 252 }, (_, index) => index),
  );
  expect(await embedder.embed([])).toEqual([]);
});

test.each<[string, unknown]>([
  ["too many requests", httpError(429, { "retry-after-ms": "1" })],
  ["an error of the server", httpError(503)],
  ["a broken connection", new Error("socket hang up")],
])("asks again after %s", async (_what, error) => {
  const { embedder, asked, failures } = scripted([error, error, [[1, 0]]]);
  expect(await embedder.embed(["a"])).toHaveLength(1);
  expect([asked.length, failures]).toEqual([3, []]);
});

test.each<[string, unknown, number, boolean, RegExp]>([
  ["a refused text", httpError(400), 1, true, /HTTP 400/],
  ["a wrong key", httpError(401), 1, false, /HTTP 401/],
  ["a model that is not there", httpError(404), 1, false, /HTTP 404/],
  ["a server that is down", httpError(503), 3, false, /HTTP 503/],
  ["a long wait that is asked for", httpError(429, { "retry-after": "600" }), 1, false, /too many/],
  ["vectors of another length", [[1, 2, 3]], 1, false, /3 numbers where 2/],
  ["too few vectors", [], 1, false, /0 vectors for 1/],
  ["what is no number", [[1, Number.NaN]], 1, false, /no number/],
  ["words for numbers", [["1", "x"]], 1, false, /no number/],
  ["no list", { data: [] }, 1, false, /no list/],
  ["no vector", [null], 1, false, /0 numbers/],
])(
  "gives up at %s, says so once, and whether a text was at fault",
  async (_what, answer, requests, isTextRefused, why) => {
    const { embedder, asked, failures } = scripted([answer]);
    const error = (await embedder.embed(["a"]).catch((thrown: unknown) => thrown)) as Failed;
    expect(error).toBeInstanceOf(Failed);
    expect(error.message).toMatch(why);
    expect([asked.length, error.isTextRefused, failures.length]).toEqual([requests, isTextRefused, 1]);
  },
);

test("waits for no model that never answers, and leaves it alone for a while then", async () => {
  // A timer may strike a little early: there must be no time left for another try then.
  const patience = { timeoutMs: 5, firstWaitMs: 1_000, pauseMs: 600_000 };
  const { embedder, asked } = scripted([() => new Promise(() => {})], patience);
  await expect(embedder.embed(["a"])).rejects.toThrow("did not answer in time");
  expect(asked).toHaveLength(1);
  await expect(embedder.embed(["b"])).rejects.toThrow("left alone");
  expect(asked).toHaveLength(1);
});
