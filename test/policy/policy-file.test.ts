import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { formatFault, type PolicyFile, parsePolicyFile } from "../../src/policy/review/policy-file.ts";
import { SCALE } from "../support/dice.ts";
import { fc } from "../support/properties.ts";

const faults = (text: string): string[] => {
  const parsed = parsePolicyFile(text);
  return parsed.ok ? [] : parsed.faults.map((fault) => formatFault("p", fault));
};
const good = (text: string) => {
  expect(faults(text)).toEqual([]);
  return (parsePolicyFile(text) as { value: PolicyFile }).value;
};
const rule = (match: string, set: string) => `rules:\n  - match: ${match}\n    set: ${set}\n`;

const EVERYTHING = {
  defaults: { due: "3d", candidates: { users: ["user:ana"], groups: ["operations"] } },
  rules: [
    {
      name: "large refunds",
      match: {
        graph: "refund-*",
        node: ["ask", "ask-again"],
        tool: ["pay", "refund_*"],
        flavour: ["hitl", "raw"],
        arguments: [
          { at: "/amount", above: 1000, below: 5000 },
          { at: "/currency", in: ["EUR", "USD"] },
          { at: "/note", matches: ["*urgent*"], exists: true },
          { at: "/kind", equals: { a: [1] } },
        ],
      },
      set: {
        risk: "high",
        priority: 80,
        candidates: { groups: ["finance"] },
        due: "4h",
        reminders: ["1h", "30m"],
        escalations: [{ after: "0s" }, { after: "1h", to: { users: ["user:ben"] } }],
        ends_after: "1d",
        on_timeout: "approve",
        allow_auto_approve: true,
        require_comment: ["reject"],
        reject_options: [{ code: "no_receipt", title: "No receipt", message: "send it" }],
        notify: { webhooks: ["https://example.com/hook"], mail: ["finance@example.com"] },
        max_revisions: 2,
        max_restarts: 1,
        allowed: ["approve", "reject"],
        editable_paths: ["/amount"],
        answers: { approve: true, reject: { ok: false } },
      },
    },
  ],
};

describe("a policy file", () => {
  test("that says everything there is to say is read, spans as seconds", () => {
    const { defaults, rules } = good(JSON.stringify(EVERYTHING, null, 2));
    expect(defaults).toEqual({
      due_after_seconds: 259_200,
      candidates: { users: ["user:ana"], groups: ["operations"] },
    });
    expect(rules[0]).toMatchObject({
      name: "rule 1 (large refunds)",
      match: { graph: ["refund-*"], node: ["ask", "ask-again"] },
      set: {
        due_after_seconds: 14_400,
        reminders: [3_600, 1_800],
        ends_after_seconds: 86_400,
        escalations: [
          { after_seconds: 0, to: { users: [], groups: [] } },
          { after_seconds: 3_600, to: { users: ["user:ben"], groups: [] } },
        ],
        answers: { approve: true, reject: { ok: false } },
      },
    });
  });

  test("as the example shows it is read", () => {
    const { rules } = good(readFileSync("examples/policy.yaml", "utf8"));
    expect(rules.map(({ name }) => name)).toEqual([
      "rule 1 (every refund)",
      "rule 2 (small refunds)",
      "rule 3 (clean-up)",
    ]);
  });

  test("may be empty, or nothing but remarks", () => {
    for (const text of ["", "\n", "# nothing yet\n", "---\n", "rules: []\n", "\ufeff"])
      expect(good(text), JSON.stringify(text)).toEqual({ defaults: {}, rules: [] });
  });

  test("is YAML as people write it: remarks, block and flow style, quotes", () => {
    const text = `# who pays
rules:
  - match: { graph: "refund-*" }   # all of them
    set:
      candidates:
        groups: [finance, 'the "board"']
      due: 4h
`;
    expect(good(text).rules[0]?.set).toEqual({
      candidates: { users: [], groups: ["finance", 'the "board"'] },
      due_after_seconds: 14_400,
    });
  });

  test("has a wrong value refused in every field, on its line", () => {
    let tried = 0;
    for (const path of pathsOf(EVERYTHING)) {
      // Any JSON is right there.
      if (/\/(answers\/(approve|reject)|equals|in(\/\d)?)(\/|$)/.test(path.join("/"))) continue;
      for (const wrong of [{ nonsense: 1 }, null, -1.5, [{ nonsense: 1 }]]) {
        if (wrong === -1.5 && /^(above|below)$/.test(String(path.at(-1)))) continue;
        const { text, line } = withValue(path, wrong);
        const found = parsePolicyFile(text);
        expect(found.ok, `${path.join(".")}: ${JSON.stringify(wrong)}`).toBe(false);
        if (found.ok) continue;
        const lines = found.faults.map((fault) => fault.line);
        expect(Math.min(...lines), `${path.join(".")}: ${JSON.stringify(found.faults)}`).toBeGreaterThanOrEqual(line);
        expect(lines.some((one) => one <= line + 3)).toBe(true);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(200);
  });

  test("has every unknown key refused where it stands", () => {
    expect(faults("rulez: []\n")).toEqual(['p:1:1: there is no setting "rulez"']);
    expect(faults(rule("{ graph: a }", "\n      due: 4h\n      dew: 4h"))).toEqual([
      'p:5:7: rules[0].set: there is no setting "dew"',
    ]);
    expect(faults(rule("{ graph: a, grahp: b, role: c }", "{ due: 4h }"))).toHaveLength(2);
  });
});

describe("what makes no sense", () => {
  const cases: [string, string, RegExp][] = [
    ["a rule about everything", rule("{}", "{ due: 4h }"), /^p:2:12: rules\[0\]\.match: matches everything/],
    ["a rule that sets nothing", rule("{ graph: a }", "{}"), /rules\[0\]\.set: sets nothing/],
    [
      "an approval by time-out that is not allowed",
      rule("{ graph: a }", "{ on_timeout: approve }"),
      /^p:3:24: .*allow_auto_approve: true/,
    ],
    ["the same by default", "defaults: { on_timeout: approve }\n", /^p:1:25: .*allow_auto_approve/],
    ["a reminder before the opening", rule("{ graph: a }", "{ due: 1h, reminders: [2h] }"), /^p:3:33: .*due sooner/],
    [
      "answers to what is no plain question",
      rule("{ flavour: review }", "{ answers: { approve: 1 } }"),
      /plain interrupt/,
    ],
    ["answers that are none", rule("{ graph: a }", "{ answers: {} }"), /says no answer/],
    [
      "a condition that says nothing",
      rule("{ arguments: [{ at: /a }] }", "{ due: 1h }"),
      /says nothing of what is there/,
    ],
    ["a pointer that is none", rule("{ arguments: [{ at: a, above: 1 }] }", "{ due: 1h }"), /must be a JSON pointer/],
    [
      "two rules of one name",
      "rules:\n  - { name: a, match: { graph: a }, set: { due: 1h } }\n  - { name: a, match: { graph: b }, set: { due: 1h } }\n",
      /^p:3:13: .*the name of two rules/,
    ],
    ["a default that only a rule can give", "defaults: { allowed: [approve] }\n", /there is no setting "allowed"/],
    ["answers by default", "defaults: { answers: { approve: true } }\n", /there is no setting "answers"/],
    ["nobody at all", "defaults: { candidates: {} }\n", /names nobody/],
    ["a list", "- a\n", /expected object/],
    ["a word", "yes\n", /expected object/],
    ["rules that are not there", "rules:\n", /rules: .*expected array/],
  ];
  test.each(cases)("%s is refused", (_name, text, message) => {
    const found = faults(text);
    expect(found.join("\n")).toMatch(message);
  });

  test("is told all at once, in the order of the lines", () => {
    const text = `defaults: { due: soon }\n${rule("{ graph: a }", "{ risk: extreme, due: 1 }")}`;
    expect(faults(text).map((fault) => fault.slice(0, 6))).toEqual(["p:1:18", "p:4:18", "p:4:32"]);
  });
});

describe("a hostile file", () => {
  const cases: [string, string, RegExp][] = [
    ["a tab for indentation", "rules:\n\t- match: {}\n", /^p:2:1: Tabs/],
    ["a key twice", "defaults: { due: 1h }\ndefaults: { due: 2h }\n", /^p:2:1: "defaults" stands here twice/],
    ["a key twice further in", "defaults:\n  due: 1h\n  due: 2h\n", /^p:3:3: "due" stands here twice/],
    ["an anchor", "defaults: &all { due: 1h }\n", /an anchor \(&all\) is not allowed/],
    ["an alias", "defaults: *all\n", /alias/i],
    ["aliases of aliases", bomb(), /an anchor/],
    ["a merge key", "defaults:\n  <<: { due: 1h }\n", /^p:2:3: .*"<<"/],
    ["a tag", "defaults: !!map {}\n", /a tag .* is not allowed/],
    ["a tag that makes something", "defaults: !!js/function 'x'\n", /tag/],
    ["a binary", "defaults: { due: !!binary aGVsbG8= }\n", /tag/],
    ["a key that is a list", "? [a]\n: 1\n", /a key must be text/],
    ["a key that is a number", "1: 2\n", /a key must be text/],
    ["the prototype", "__proto__: { due: 1h }\n", /__proto__/],
    ["the prototype further in", "defaults: { __proto__: { due: 1h } }\n", /^p:1:13: a key must not be __proto__/],
    ["the constructor", "constructor: { prototype: { due: 1h } }\n", /there is no setting "constructor"/],
    ["a second document", "defaults: {}\n---\nrules: []\n", /^p:2:1: a second document/],
    ["another YAML", "%YAML 1.1\n---\nrules: []\n", /%YAML/],
    ["infinity", "defaults: { priority: .inf }\n", /not a number JSON can carry/],
    ["a number beyond numbers", "defaults: { priority: 1e999 }\n", /not a number JSON can carry/],
    ["half a character", 'defaults: { candidates: { users: ["\\ud800"] } }\n', /half of a character/],
    ["NUL", 'defaults: { candidates: { users: ["\\0"] } }\n', /one line/],
    ["an unclosed quote", 'defaults: "\n', /quote/],
    ["brackets without end", "[".repeat(100_000), /^p:1:1: is nested too deeply/],
    ["maps without end", "{a: ".repeat(20_000), /^p:1:1: is nested too deeply/],
    ["lists without end", "- ".repeat(5_000), /^p:1:1: is nested too deeply/],
    ["depth that the parser takes", `rules: ${"[".repeat(400)}${"]".repeat(400)}\n`, /nested too deeply/],
    ["a file of a size that no policy has", `# ${"x".repeat(200_000)}\n`, /is larger than 128 KB/],
    ["two thousand keys", Array.from({ length: 2_000 }, (_, index) => `k${index}: 1`).join("\n"), /k1999/],
    [
      "six hundred rules",
      `rules: [${Array(600).fill("{ match: { graph: a }, set: { due: 1h } }").join(",")}]\n`,
      /rules: /,
    ],
  ];
  test.each(cases)("with %s is refused with a place", (_name, text, message) => {
    const found = faults(text);
    expect(found.join("\n")).toMatch(message);
    for (const fault of found) expect(fault).toMatch(/^p:[1-9]\d*:[1-9]\d*: \S/);
    expect(({} as { due?: string }).due).toBeUndefined();
  });

  test("never does more than be refused, whatever it holds", () => {
    const words = fc.constantFrom(
      "rules",
      "defaults",
      "match",
      "set",
      "due",
      "4h",
      "- ",
      ": ",
      "\n",
      "  ",
      "{",
      "}",
      "[",
      "]",
      "&a",
      "*a",
      "'",
      '"',
      "!!",
      "|",
      ">",
      "%",
      "\t",
      "?",
      "#",
      "graph",
      "~",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(words, { maxLength: 40 }).map((all) => all.join("")),
      fc.json(),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parsePolicyFile(text);
        if (!parsed.ok) expect(parsed.faults.length).toBeGreaterThan(0);
      }),
      { numRuns: 200 * SCALE },
    );
  });
});

type Path = (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, one]) =>
    pathsOf(one, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

/** The file with another value at that place, and the line it stands on. */
function withValue(path: Path, wrong: unknown): { text: string; line: number } {
  const marked = JSON.stringify(replaced(EVERYTHING, path, "HERE"), null, 2);
  const line = marked.slice(0, marked.indexOf('"HERE"')).split("\n").length;
  return { text: JSON.stringify(replaced(EVERYTHING, path, wrong), null, 2), line };
}

function replaced(value: unknown, [step, ...rest]: Path, by: unknown): unknown {
  if (step === undefined) return by;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[step] = replaced(copy[step], rest, by);
  return copy;
}

/** Nine lines that would be a billion values. */
function bomb(): string {
  const line = (_: unknown, at: number) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(", ")}]`;
  return ["l0: &l0 [x]", ...Array.from({ length: 9 }, line)].join("\n");
}
