import { describeWorker } from "../postgres/operations.sql.ts";
import type { RunnerParts } from "./runner.ts";

/** A worker as others see it. */
interface Announced {
  tenant_id: string;
  worker_id: string;
  hostname: string;
  process_id: number;
  slots: number;
  lease_ms: number;
}

/** Makes what tells which graphs a worker has loaded, whenever they are others than it told last. */
export function createAnnouncer({ database, graphs }: RunnerParts, worker: Announced): () => Promise<void> {
  let told: string | undefined;
  return async () => {
    const graph_ids = [...graphs().graphs.keys()].sort();
    const text = graph_ids.join("\n");
    if (text === told) return;
    await database.run(describeWorker({ ...worker, graph_ids }));
    told = text;
  };
}
