import { type Mutant, TESTS } from "./mutant.ts";

const MAIL = "src/runtime/mail-request.ts";
const VERIFY = "src/policy/audit-verify.ts";

/** Faults in the record of reviews, and in telling people of them. */
export const AUDIT_MUTANTS: readonly Mutant[] = [
  {
    name: "an entry that was changed is believed",
    file: VERIFY,
    find: "if (hash === null || !covers(hash, prev_hash, covered))",
    replace: "if (hash === null)",
    tests: [TESTS.auditVerify],
  },
  {
    name: "an entry may follow any other",
    file: VERIFY,
    find: "if (prev_hash !== (previous?.hash ?? CHAIN_START))",
    replace: "if (prev_hash === null)",
    tests: [TESTS.auditVerify],
  },
  {
    name: "an entry may be missing",
    file: VERIFY,
    find: "if (link.review_seq !== seq)",
    replace: "if (link.review_seq < seq)",
    tests: [TESTS.auditVerify],
  },
  {
    name: "a decision needs no entry",
    file: VERIFY,
    find: "return stray === undefined ? null",
    replace: "return stray !== null ? null",
    tests: [TESTS.auditVerify],
  },
  {
    name: "the rows may be anything",
    file: VERIFY,
    find: "chainFault(audited) ?? rowFault(audited)",
    replace: "chainFault(audited)",
    tests: [TESTS.auditVerify],
  },
  {
    name: "an entry is shown only where it says that it belongs",
    file: "src/postgres/audit-export.sql.ts",
    find: "and (v.id is not null or a.tenant_id = ${tenant_id})) as links",
    replace: "and a.tenant_id = ${tenant_id}) as links",
    tests: [TESTS.auditVerify],
  },
  {
    name: "a decision is told to nobody",
    file: "src/postgres/audit.ts",
    find: "if (told === undefined)",
    replace: 'if (told === undefined || kind === "decided")',
    tests: [TESTS.reviewWebhooks],
  },
  {
    name: "a webhook that is named twice is told twice",
    file: "src/postgres/audit.sql.ts",
    find: "from unnest(${told.webhooks}::text[]) as url\n    union\n",
    replace: "from unnest(${told.webhooks}::text[]) as url\n    union all\n",
    also: [
      {
        find: "where s.name = 'review_webhooks'\n    union\n",
        replace: "where s.name = 'review_webhooks'\n    union all\n",
      },
    ],
    tests: [TESTS.reviewWebhooks],
  },
  {
    name: "a mail that is sent again is another mail",
    file: MAIL,
    find: "messageId: `<${delivery_id}@${domain}>`",
    replace: "messageId: `<${delivery_id}.${performance.now()}@${domain}>`",
    tests: [TESTS.reviewMails],
  },
  {
    name: "a mail server's refusal for good is not believed",
    file: "src/policy/delivery.ts",
    find: "if (status === 410 || isRefused)",
    replace: "if (status === 410)",
    tests: [TESTS.reviewMails],
  },
  {
    name: "a mail server's first word is its last",
    file: MAIL,
    find: '(command === "RCPT TO" || command === "DATA")',
    replace: "command !== undefined",
    tests: [TESTS.reviewMails],
  },
  {
    name: "a password travels in the open",
    file: "src/policy/mail-address.ts",
    find: '(user !== "" && !LOOPBACK.test(url.hostname))',
    replace: "isEncrypted",
    tests: [TESTS.mailAddress],
  },
  {
    name: "a mail holds a link that a graph has put there",
    file: "src/policy/review/notice-mail.ts",
    find: '.replaceAll("://", "[:]//")',
    replace: '.replaceAll(":///", "[:]//")',
    tests: [TESTS.mailAddress],
  },
];
