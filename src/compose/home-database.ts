import type { Config } from "../config.ts";
import { allowFailpoints } from "../failpoint.ts";
import { checkIsolation, type Database, openDatabase } from "../postgres/database.ts";
import { bootEmbedded, isServerGone } from "../postgres/embedded.ts";
import { migrate } from "../postgres/migrate.ts";
import { unreachable } from "../postgres/unreachable.ts";
import { isHoldpointError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { impatient, type Patient } from "./patience.ts";

/** Holdpoint's own database, migrated. */
export interface HomeDatabase {
  kind: "embedded" | "external";
  database: Database;
  url: string;
  /** Past a pooler: for LISTEN, which needs a session. */
  directUrl: string;
  close(): Promise<void>;
}

/** Connects to DATABASE_URL, or boots the embedded PostgreSQL, and migrates. */
export async function openHomeDatabase(
  config: Config,
  log: Log,
  progress: (message: string) => void,
  patient: Patient = impatient,
): Promise<HomeDatabase> {
  const place =
    config.databaseUrl === undefined ? await embedded(config, log, progress) : external(config, config.databaseUrl);
  try {
    const { applied, newer } = await patient(() => migrate({ url: place.directUrl }));
    if (applied.length > 0) progress(`migrated the database: ${applied.join(", ")}`);
    if (newer.length > 0) log.warn({ newer }, "the database has migrations of a newer version, none of them breaking");
    allowFailpoints(place.url);
    const database = openDatabase({
      url: place.url,
      max: config.databasePoolSize,
      prepare: config.databasePrepare,
      onError: place.onError,
    });
    await patient(() => checkIsolation(database));
    const { kind, url, directUrl } = place;
    return {
      kind,
      database,
      url,
      directUrl,
      async close() {
        await database.close();
        await place.release();
      },
    };
  } catch (error) {
    await place.release();
    // Postgres went away in the middle of a statement.
    throw isServerGone(error) && !isHoldpointError(error) ? unreachable(place.directUrl, error) : error;
  }
}

interface Place {
  kind: "embedded" | "external";
  url: string;
  directUrl: string;
  onError: (error: Error) => void;
  release(): Promise<unknown>;
}

async function embedded(config: Config, log: Log, progress: (message: string) => void): Promise<Place> {
  const reboot = (error: Error) => {
    if (!isServerGone(error)) return log.warn({ err: error }, "a database connection was lost");
    log.warn({ err: error }, "the embedded PostgreSQL is gone; starting it again");
    postgres.reboot().then(
      () => log.info("the embedded PostgreSQL is back"),
      (cause: unknown) => log.error({ err: cause }, "the embedded PostgreSQL did not start again"),
    );
  };
  const postgres = await bootEmbedded({ dataDir: config.dataDir, onProgress: progress, onLost: reboot });
  const { url } = postgres;
  return { kind: "embedded", url, directUrl: url, onError: reboot, release: () => postgres.release() };
}

function external(config: Config, url: string): Place {
  return {
    kind: "external",
    url,
    directUrl: config.databaseDirectUrl ?? url,
    onError: () => {},
    release: async () => {},
  };
}
