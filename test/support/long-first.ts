import { statSync } from "node:fs";
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Of these folders a file takes longest, because of the processes that it starts; the first of them most. */
const LONG = ["console", "crash", "chaos", "story", "cli", "races", "checkpointer", "bootstrap", "postgres", "house"];

/**
 * Begins with what takes longest, so that at the end no core waits for one long file. The same order everywhere: what
 * an earlier run has measured plays no part.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => {
      const [, folder = ""] = relative(this.ctx.config.root, moduleId).split("/");
      const place = LONG.indexOf(folder);
      return place === -1 ? LONG.length : place;
    };
    const sizeOf = ({ moduleId }: TestSpecification) => statSync(moduleId).size;
    return files.toSorted((a, b) => placeOf(a) - placeOf(b) || sizeOf(b) - sizeOf(a));
  }
}
