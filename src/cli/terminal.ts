import { createInterface } from "node:readline/promises";
import pc from "picocolors";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";

type Colours = ReturnType<typeof pc.createColors>;

/** Where a command reads and writes: the process, or what a test puts in its place. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** True when a person sees the output and can answer. */
  readonly isInteractive: boolean;
  /** True when the output is a screen: tables and colours instead of tab-separated lines. */
  readonly isScreen: boolean;
  readonly colours: Colours;
  readonly columns: number;
  /** One line of what was asked for. */
  out(line: string): void;
  /** One line about what happens. */
  note(line: string): void;
  /** Replaces the one line that says what is under way; nothing where nobody watches. */
  status(line: string): void;
  ask(question: string): Promise<string>;
  readInput(): Promise<Buffer>;
  now(): Date;
}

const USUAL_COLUMNS = 100;
const NARROWEST = 40;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  const isScreen = stdout.isTTY === true;
  let statusShown = false;
  const clearStatus = () => {
    if (statusShown) stderr.write("\r\u001b[K");
    statusShown = false;
  };
  return {
    env,
    cwd: process.cwd(),
    isInteractive: stdin.isTTY === true && isScreen,
    isScreen,
    colours: pc.createColors(isScreen && wantsColour(env)),
    get columns() {
      return Math.max(NARROWEST, stdout.columns ?? USUAL_COLUMNS);
    },
    out(line) {
      clearStatus();
      stdout.write(`${line}\n`);
    },
    note(line) {
      clearStatus();
      stderr.write(`${line}\n`);
    },
    status(line) {
      clearStatus();
      if (stderr.isTTY !== true || !isScreen || line === "") return;
      stderr.write(line);
      statusShown = true;
    },
    async ask(question) {
      clearStatus();
      const prompt = createInterface({ input: stdin, output: stdout });
      try {
        return await new Promise<string>((resolve, reject) => {
          let answered = false;
          // Ctrl-C would leave the question open for ever; the end of the input is no answer.
          prompt.once("SIGINT", () => reject(new CommandError(EXIT.interrupted, "nothing was sent")));
          prompt.once("close", () => {
            if (!answered) stdout.write("\n");
            resolve("");
          });
          prompt.question(question).then((answer) => {
            answered = true;
            resolve(answer);
          }, reject);
        });
      } finally {
        prompt.close();
      }
    },
    async readInput() {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    },
    now: () => new Date(),
  };
}

function wantsColour(env: NodeJS.ProcessEnv): boolean {
  return (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
