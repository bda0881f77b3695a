import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { benchFolder, startServer } from "./server.ts";
import { ms, percentile, type Row } from "./table.ts";

const WORKFLOWS = fileURLToPath(new URL("../workflows", import.meta.url));
const ROUNDS = 3;

/** From the start of the process to the first answer, on an empty folder and on one that has been used. */
export async function measureBoot(): Promise<Row[]> {
  const cold: number[] = [];
  const warm: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = await benchFolder();
    try {
      for (const samples of [cold, warm]) {
        const server = await startServer(folder, WORKFLOWS);
        samples.push(server.readyMs);
        await server.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return [
    { what: "cold boot to ready", figure: ms(percentile(cold, 0.5)), expected: "≤ 3 s" },
    { what: "warm boot to ready", figure: ms(percentile(warm, 0.5)), expected: "≤ 1.5 s" },
  ];
}
