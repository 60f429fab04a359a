import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CliError } from "../common/cli.js";
import { isPostgresUrl } from "./open-store.js";
import { markAsCopy } from "./restored-copy.js";
import { SqliteDatabase } from "./sqlite-database.js";

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Copies an SQLite database as it is at one moment, while servers and commands go on using it. The copy is one file,
 * readable by its owner only, checked and on disk before it gets its name.
 *
 * @param database as `--database` names it
 * @param file where the copy is to be, which must not be there
 * @throws CliError when there is no such database, it is not SQLite, or the copy cannot be made
 */
export function backUp(database: string, file: string): void {
  if (isPostgresUrl(database))
    throw new CliError("backup copies SQLite databases; PostgreSQL's are copied by pg_dump");
  const shown = JSON.stringify(file);
  if (!existsSync(database)) throw new CliError(`there is no database ${JSON.stringify(database)}`);
  if (existsSync(file)) throw new CliError(`${shown} is there already: name a new file`);
  const folder = dirname(resolve(file));
  const unfinished = join(folder, `.vc-pas-backup-${process.pid}`);
  const mask = process.umask(0o077);
  try {
    const source = new SqliteDatabase(database);
    try {
      source.prepare("VACUUM INTO ?").run(unfinished);
    } finally {
      source.close();
    }
    const copy = new SqliteDatabase(unfinished);
    const verdict = copy.pragma("integrity_check");
    markAsCopy(copy);
    copy.close();
    if (verdict !== "ok") throw new Error(`the copy is damaged: ${verdict}`);
    sync(unfinished);
    // Unlike a renaming, it takes no other file's place.
    linkSync(unfinished, file);
    sync(folder);
  } catch (error) {
    throw new CliError(
      `cannot back up ${JSON.stringify(database)} to ${shown}: ${(error as Error).message}`,
    );
  } finally {
    process.umask(mask);
    rmSync(unfinished, { force: true });
  }
}
