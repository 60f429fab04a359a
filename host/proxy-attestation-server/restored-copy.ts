/**
 * A copy of the database does not know what came after it. Whoever puts one in the place of the database says first that
 * they have seen what this can repeat: until then no server certifies anything by it.
 */
import { existsSync } from "node:fs";
import { CliError } from "../common/cli.js";
import { SqliteDatabase } from "./sqlite-database.js";

/** `PRAGMA application_id` of a copy that nobody has confirmed ("VCcp"); 0 of every other database. */
const UNCONFIRMED = 0x56436370;

/** Marks a database as a copy. */
export function markAsCopy(db: SqliteDatabase): void {
  db.pragma(`application_id = ${UNCONFIRMED}`);
}

/** Whether a database is a copy that nobody has confirmed. */
export function isUnconfirmedCopy(db: SqliteDatabase): boolean {
  return db.pragma("application_id") === UNCONFIRMED;
}

/** How far a copy goes. */
export interface CopyState {
  /** When its last log entry was made, in milliseconds since 1970; undefined where there is none. */
  readonly lastEntry: number | undefined;
  /** Challenges that were open when it was made, and may have been used since. */
  readonly openChallenges: number;
}

/**
 * Looks at a copy and, if told so, confirms it: its open challenges go, its log says so, and servers take it.
 *
 * @throws CliError where it is no copy, or was confirmed before
 */
export function confirmCopy(database: string, confirmed: boolean, now = Date.now()): CopyState {
  const shown = JSON.stringify(database);
  if (!existsSync(database)) throw new CliError(`${shown} is no SQLite file that is there`);
  const db = new SqliteDatabase(database);
  try {
    if (!isUnconfirmedCopy(db))
      throw new CliError(`${shown} is no copy by vc-pas backup, or was confirmed before`, 1);
    return db.transaction("exclusive", () => {
      const { at } = db.prepare("SELECT max(at) AS at FROM log").get() ?? {};
      const { open } =
        db.prepare("SELECT count(*) AS open FROM challenges WHERE used_at IS NULL").get() ?? {};
      if (confirmed) {
        db.prepare("DELETE FROM challenges WHERE used_at IS NULL").run();
        db.prepare("INSERT INTO log (at, event, detail) VALUES (?, ?, ?)").run(
          now,
          "copy-confirmed",
          JSON.stringify({ challengesDropped: Number(open) }),
        );
        db.pragma("application_id = 0");
      }
      return { lastEntry: at === null ? undefined : Number(at), openChallenges: Number(open) };
    });
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`cannot use ${shown}: ${(error as Error).message}`);
  } finally {
    db.close();
  }
}
