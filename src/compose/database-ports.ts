import { existsSync } from "node:fs";
import type pg from "pg";
import type { Config } from "../config.ts";
import type { DatabasePort } from "../kit/ports.ts";
import { openPool } from "../postgres/pool.ts";
import { CHINOOK_FOLDER, seedChinook } from "../postgres/seed-chinook.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import type { HomeDatabase } from "./home-database.ts";
import type { Patient } from "./patience.ts";

/** The databases that workflows reach by name, each under its own login. */
export interface DatabasePorts {
  port: DatabasePort;
  close(): Promise<void>;
}

/** Opens the configured ports, and the example's sample data where nothing else is configured for it. */
export async function openDatabasePorts(
  config: Config,
  home: HomeDatabase,
  parts: { log: Log; progress: (message: string) => void; warn: (message: string) => void; patient: Patient },
): Promise<DatabasePorts> {
  const pools = new Map<string, pg.Pool>();
  const open = (name: string, options: pg.PoolConfig) => {
    const onError = (err: Error) => parts.log.warn({ err, port: name }, "a connection of a database port was lost");
    const application_name = `holdpoint:port:${name}`;
    pools.set(name, openPool({ max: config.databasePoolSize, application_name, ...options, onError }));
  };
  for (const [name, connectionString] of config.databasePorts) open(name, { connectionString });
  // The example is not among the graphs of a project.
  if (config.project === undefined && !pools.has("chinook") && existsSync(CHINOOK_FOLDER)) {
    try {
      const { seeded, connection, reading } = await parts.patient(() => seedChinook({ url: home.directUrl }));
      if (seeded) parts.progress("loaded the Chinook sample database for the example");
      open("chinook", connection);
      if (!pools.has("chinook_read")) open("chinook_read", reading);
    } catch (error) {
      // The example needs it, nothing else does: a locked-down database must not keep the server from starting.
      if (!(error instanceof HoldpointError)) throw error;
      parts.warn(`the example's sample database was not loaded: ${error.message}`);
    }
  }
  return {
    port(name) {
      const pool = pools.get(name);
      if (pool !== undefined) return pool;
      const variable = `HOLDPOINT_DATABASE_${name.toUpperCase()}_URL`;
      throw new HoldpointError("configuration_invalid", `database("${name}") is not configured: set ${variable}`, {
        facts: { name },
      });
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}
