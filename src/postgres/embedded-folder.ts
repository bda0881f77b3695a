import { createHash, randomUUID } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HoldpointError } from "../protocol/errors.ts";
import { type Account, findAccount, findBinaries, isReachable, SHARED_HOME } from "./embedded-binaries.ts";
import { initialise, type ServerFiles } from "./embedded-server.ts";

const LONGEST_SOCKET_PATH = process.platform === "darwin" ? 103 : 107;

/** Where the database of one installation is. */
export interface Place {
  files: ServerFiles;
  lockPath: string;
}

/** Finds, and creates where missing, the folders of the installation in `dataDir`. */
export async function findPlace(dataDir: string, say: (line: string) => void): Promise<Place> {
  const home = createHome(dataDir);
  const pointer = join(home, "pg18.location");
  const usual = await findAccount();
  let data = existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : join(home, "pg18");
  if (usual !== undefined && !existsSync(data) && !isReachable(dirname(data), usual)) {
    // A random name kept in the folder, not one made from its path: a new clone at the same place starts empty.
    data = join(SHARED_HOME, `data-${randomUUID()}`, "pg18");
    writeFileSync(pointer, `${data}\n`);
    say(`the database is kept in ${data}, because only root can read ${home}`);
  }
  const account = usual === undefined ? undefined : ownerOf(data, usual);
  const binaries = findBinaries(account, say);
  return { files: { binaries, data, log: join(home, "postgres.log"), account }, lockPath: join(home, "pg18.lock") };
}

function createHome(dataDir: string): string {
  try {
    mkdirSync(dataDir, { recursive: true });
    // By its real name: another process may know it by a symlink, and both must mean the same server.
    return realpathSync(dataDir);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldpointError(
      "configuration_invalid",
      `cannot use the folder ${dataDir} (${reason}): set HOLDPOINT_DATA_DIR`,
      {
        cause,
      },
    );
  }
}

/** Root goes on as whoever made the files. */
function ownerOf(data: string, usual: Account): Account {
  const info = statSync(data, { throwIfNoEntry: false });
  if (info === undefined || info.uid === 0) return usual;
  return { name: info.uid === usual.uid ? usual.name : String(info.uid), uid: info.uid, gid: info.gid };
}

/** Creates the cluster if there is none: made beside its place and renamed, so a half-made one is never taken for one. */
export async function createCluster(files: ServerFiles): Promise<void> {
  if (existsSync(join(files.data, "PG_VERSION"))) return;
  const home = dirname(files.data);
  mkdirSync(home, { recursive: true, mode: 0o755 });
  for (const name of readdirSync(home)) {
    if (name.startsWith("pg18.new-")) rmSync(join(home, name), { recursive: true, force: true });
  }
  const scratch = mkdtempSync(join(home, "pg18.new-"));
  giveTo(files.account, scratch);
  await initialise(files, scratch);
  renameSync(scratch, files.data);
}

/** In the data folder, which only its owner can enter; where that path is too long for a socket, a private one. */
export function chooseSocketFolder({ data, account }: ServerFiles): string {
  const fits = (folder: string) => Buffer.byteLength(join(folder, ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH;
  if (fits(data)) return data;
  const name = `holdpoint-${createHash("sha256").update(data).digest("hex").slice(0, 8)}-`;
  const base = [tmpdir(), "/tmp"].find(
    (folder) => fits(join(folder, `${name}XXXXXX`)) && (account === undefined || isReachable(folder, account)),
  );
  if (base === undefined) {
    throw new HoldpointError(
      "configuration_invalid",
      `${data} is too long for a socket, and so is ${tmpdir()}: set HOLDPOINT_DATA_DIR to a shorter path`,
    );
  }
  const folder = mkdtempSync(join(base, name));
  giveTo(account, folder);
  return folder;
}

function giveTo(account: Account | undefined, folder: string): void {
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
}
