import { parentPort, workerData } from "node:worker_threads";
import type { SchemaQuestion } from "./static-schemas.ts";

// The compiler works for seconds without a pause, and in the thread it is called in: this one.
const { module, sourceFile, exportSymbol } = workerData as SchemaQuestion;
const { getStaticGraphSchema } = (await import(module)) as {
  getStaticGraphSchema(spec: object, options: { mainThread: true }): Promise<unknown>;
};
const found = await getStaticGraphSchema({ sourceFile, exportSymbol }, { mainThread: true });
parentPort?.postMessage(JSON.stringify(found) ?? "null");
