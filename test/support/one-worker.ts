// A worker in a process of its own, which a failpoint may kill: does what is due in the database, and ends.
import { appendFileSync } from "node:fs";
import { allowFailpoints } from "../../src/failpoint.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { openHouse } from "./house.ts";

const [url = "", acts = ""] = process.argv.slice(2);
allowFailpoints(url);
// What is done outside is written down at once: it outlives the process.
knobs.onVisit = (place) => {
  if (place.startsWith("acted:")) appendFileSync(acts, `${place}\n`);
};
const house = await openHouse(undefined, {}, { url, name: "", drop: async () => {} });
await house.settle();
await house.close();
