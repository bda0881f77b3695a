import { expect, test } from "vitest";
import { plainText } from "../../src/cli/markdown.ts";
import { wrap } from "../../src/cli/text-width.ts";

test.each([
  [
    "headings and emphasis",
    "# Title #\n\n**bold**, *slanted*, __both__, ~~gone~~",
    "Title\n\nbold, slanted, both, [struck out: gone]",
  ],
  ["lists", "- one\n* two\n  + three\n- [x] done\n- [ ] open", "• one\n• two\n  • three\n[x] done\n[ ] open"],
  ["links with where they lead", "[your bank](https://evil.example/login)", "your bank (https://evil.example/login)"],
  ["a link that shows its address", "[https://a.example](https://a.example)", "https://a.example"],
  [
    "images, which nobody fetches",
    "![cat](https://evil.example/pixel.png)",
    "[image: cat] (https://evil.example/pixel.png)",
  ],
  ["code letter by letter", "run `rm -rf *_*` now", "run rm -rf *_* now"],
  ["fenced code", "```sql\nselect *\nfrom x\n```\nafter", "    select *\n    from x\nafter"],
  ["escaped marks", "5 \\* 3 \\# \\[x\\]", "5 * 3 # [x]"],
  ["tables", "| a | bb |\n|---|---|\n| long | c |", "a     bb\nlong  c"],
  ["names with underscores", "snake_case_name and 2*3*4", "snake_case_name and 2*3*4"],
  ["HTML as the text it is", "<script>alert(1)</script>", "<script>alert(1)</script>"],
  ["no more than one empty line", "a\n\n\n\nb\n\n", "a\n\nb"],
])("Markdown shows %s", (_what, markdown, plain) => {
  expect(plainText(markdown)).toBe(plain);
});

test("hostile Markdown of a few megabytes does not keep the reader waiting for ever", { timeout: 20_000 }, () => {
  const units = [
    "[",
    "*",
    "`",
    "![](",
    "**a",
    "| ",
    "_a_",
    "~~",
    "[a](",
    " ",
    "\n",
    "|a|\n",
    "|-|\n",
    "# ",
    "a ",
    "\\",
    "- ",
    "```\n",
  ];
  for (const unit of units) {
    const text = unit.repeat(Math.ceil(300_000 / unit.length));
    expect(wrap(plainText(text), 80).length, unit).toBeGreaterThan(0);
    // In lines that are short enough to be read as Markdown.
    plainText(`a${unit.repeat(500)}b\n`.repeat(200));
  }
});
