import { CliError } from "../common/cli.js";
import { SqliteStore } from "./sqlite-store.js";
import type { Store } from "./store.js";

/** Whether `--database` names a PostgreSQL database, and no file. */
export function isPostgresUrl(database: string): boolean {
  return /^postgres(ql)?:\/\//.test(database);
}

/**
 * Opens the storage that `--database` names: a `postgres://` URL, or else an SQLite file.
 *
 * @throws CliError, without the password that the URL may hold
 */
export async function openStore(database: string): Promise<Store> {
  const isPostgres = isPostgresUrl(database);
  try {
    if (!isPostgres) return SqliteStore.open(database);
    const { PostgresStore } = await import("./postgres-store.js");
    return await PostgresStore.open(database);
  } catch (error) {
    const name = isPostgres
      ? "the PostgreSQL database"
      : `the database ${JSON.stringify(database)}`;
    throw new CliError(`cannot open ${name}: ${(error as Error).message}`);
  }
}
