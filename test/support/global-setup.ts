import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { bootEmbedded } from "../../src/postgres/embedded.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { seedChinook } from "../../src/postgres/seed-chinook.ts";

const TEMPLATE = "holdpoint_template_test";
const SHOP = "holdpoint_shop_test";

declare module "vitest" {
  interface ProvidedContext {
    postgresUrl: string;
    templateDatabase: string;
    /** The same with the books of the shop. */
    shopDatabase: string;
    /** A folder that goes with the test run, and every database server below it too, however the run ends. */
    scratchFolder: string;
  }
}

/** One PostgreSQL for the whole run, and in it the migrated databases that test files clone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "hp-test-"));
  // As root the server runs as another user, who has to get here.
  chmodSync(folder, 0o755);
  const postgres = await bootEmbedded({
    dataDir: folder,
    // Nothing here has to outlive the machine.
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: 400 },
  });
  const stopGuard = guardAgainstOrphans(folder);
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  const urlOf = (name: string) => Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href;
  await admin.query(`create database ${TEMPLATE}`);
  await migrate({ url: urlOf(TEMPLATE) });
  await admin.query(`create database ${SHOP} template ${TEMPLATE}`);
  await seedChinook({ url: urlOf(SHOP) });
  await admin.end();
  project.provide("postgresUrl", postgres.url);
  project.provide("templateDatabase", TEMPLATE);
  project.provide("shopDatabase", SHOP);
  project.provide("scratchFolder", folder);
  return async () => {
    await postgres.release();
    stopGuard();
    rmSync(folder, { recursive: true, force: true });
  };
}

/**
 * A shell that waits for the end of its input, which comes with our end, also on kill -9, and then stops every server
 * below the folder and removes it.
 */
function guardAgainstOrphans(folder: string): () => void {
  const script = `trap "" INT TERM HUP
    cat >/dev/null
    for file in $(find "$0" -name "*.pid"); do
      pid=$(head -n 1 "$file") && kill -INT "$pid" && while kill -0 "$pid"; do sleep 0.1; done
    done
    rm -rf "$0"`;
  const guard = spawn("/bin/sh", ["-c", script, folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  guard.unref();
  return () => {
    guard.stdin.end();
  };
}
