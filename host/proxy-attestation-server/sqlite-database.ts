import { createRequire } from "node:module";
import { resolve } from "node:path";

/** What a statement is given and gives back: no `undefined`, no boolean. */
export type SqliteValue = null | number | bigint | string | Uint8Array;
/** A row, by column. */
export type SqliteRow = Record<string, SqliteValue>;

/** The part of `node:sqlite` that the store uses; the package for older Node.js has the same. */
interface Statement {
  run(...values: SqliteValue[]): { changes: number | bigint };
  get(...values: SqliteValue[]): SqliteRow | undefined;
  all(...values: SqliteValue[]): SqliteRow[];
}
interface DatabaseSync {
  readonly isTransaction: boolean;
  prepare(sql: string): Statement;
  exec(sql: string): void;
  close(): void;
}
type DatabaseConstructor = new (path: string, options: { timeout: number }) => DatabaseSync;

/** A prepared statement, kept by its database. */
export interface SqliteStatement {
  /** @returns how many rows it changed */
  run(...values: SqliteValue[]): number;
  get(...values: SqliteValue[]): SqliteRow | undefined;
  all(...values: SqliteValue[]): SqliteRow[];
}

/** Milliseconds that one process waits for the lock of another. */
const LOCK_TIMEOUT = 5000;

let loaded: DatabaseConstructor | undefined;

/**
 * `node:sqlite`, without the warning that it is young: the suites of the store run on every version of Node.js that
 * the package's `engines` names.
 */
function builtIn(): DatabaseConstructor | undefined {
  if (process.getBuiltinModule === undefined) return undefined;
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    const module = process.getBuiltinModule("node:sqlite" as "node:process") as unknown as
      | { DatabaseSync: DatabaseConstructor }
      | undefined;
    if (module === undefined) return undefined;
    // Its first versions cannot say whether a transaction is open (Node.js 22.16, 24.0 and later can).
    const probe = new module.DatabaseSync(":memory:", { timeout: 0 });
    const whole = probe.isTransaction === false;
    probe.close();
    return whole ? module.DatabaseSync : undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The package, which is not installed if it has no binary for the machine. */
function fromPackage(): DatabaseConstructor {
  try {
    return createRequire(import.meta.url)("@photostructure/sqlite").DatabaseSync;
  } catch (error) {
    throw new Error(
      `Node.js ${process.versions.node} has no SQLite of its own (22.16 and later have), and the package @photostructure/sqlite does not load: ${(error as Error).message.split("\n")[0]}`,
    );
  }
}

function databaseConstructor(): DatabaseConstructor {
  loaded ??= builtIn() ?? fromPackage();
  return loaded;
}

/**
 * One SQLite database: Node.js's own if it has one, else the package with the same interface that carries its
 * binaries. Transactions are closed whatever happens inside of them.
 */
export class SqliteDatabase {
  private readonly db: DatabaseSync;
  private readonly statements = new Map<string, SqliteStatement>();
  private isOpen = true;

  /**
   * Opens the file, or makes it.
   *
   * @param path a file, or ":memory:"; never read as a URI
   * @throws when it cannot be opened
   */
  constructor(path: string) {
    const file = path === ":memory:" ? path : resolve(path);
    this.db = new (databaseConstructor())(file, { timeout: LOCK_TIMEOUT });
  }

  /** The statement for that text, prepared once. */
  prepare(sql: string): SqliteStatement {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      const prepared = this.db.prepare(sql);
      statement = {
        run: (...values) => Number(prepared.run(...values).changes),
        get: (...values) => prepared.get(...values),
        all: (...values) => prepared.all(...values),
      };
      this.statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs statements that give nothing back. */
  exec(sql: string): void {
    this.db.exec(sql);
  }

  /** What a pragma says, or says after it was set: its first column. */
  pragma(text: string): SqliteValue | undefined {
    const row = this.db.prepare(`PRAGMA ${text}`).get();
    return row && Object.values(row)[0];
  }

  /** False after an error, such as a full disk, that made SQLite undo the whole transaction. */
  get inTransaction(): boolean {
    return this.db.isTransaction;
  }

  /** All that `body` writes, or nothing; the lock is taken first. */
  transaction<T>(kind: "immediate" | "exclusive", body: () => T): T {
    return this.enclosed(`BEGIN ${kind}`, "COMMIT", ["ROLLBACK"], body);
  }

  /** Inside a transaction: all that `body` writes, or nothing of it. */
  savepoint<T>(body: () => T): T {
    return this.enclosed("SAVEPOINT s", "RELEASE s", ["ROLLBACK TO s", "RELEASE s"], body);
  }

  private enclosed<T>(begin: string, end: string, undo: string[], body: () => T): T {
    this.prepare(begin).run();
    try {
      const value = body();
      this.prepare(end).run();
      return value;
    } catch (error) {
      if (this.inTransaction) for (const sql of undo) this.prepare(sql).run();
      throw error;
    }
  }

  /** May be called again. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.statements.clear();
    // The last connection to close does so by itself, but for the package, whose connections end when the garbage
    // collector has taken their statements.
    try {
      this.db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } finally {
      this.db.close();
    }
  }
}
