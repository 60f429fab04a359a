import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { CliError } from "../common/cli.js";
import type { Registry, Whereabouts } from "./registry.js";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS veracruz_servers (
    name        text PRIMARY KEY,
    host        text NOT NULL,
    port        integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    token       text NOT NULL,
    alive_until timestamptz NOT NULL
  );
  CREATE TABLE IF NOT EXISTS veracruz_computations (
    policy_hash bytea PRIMARY KEY CHECK (length(policy_hash) = 32),
    server      text NOT NULL REFERENCES veracruz_servers (name),
    over        text
  );
  ALTER TABLE veracruz_computations ADD COLUMN IF NOT EXISTS running boolean NOT NULL DEFAULT false;
  CREATE TABLE IF NOT EXISTS veracruz_holders (
    policy_hash bytea CHECK (length(policy_hash) = 32),
    server      text REFERENCES veracruz_servers (name),
    PRIMARY KEY (policy_hash, server)
  );`;

/**
 * Where computation $1 is. Whoever runs it goes first, then whoever would; of several of these another one for each
 * computation, the same whichever server asks.
 */
const FIND = `
  SELECT state, server, host, port, token, over FROM (
    SELECT CASE WHEN c.running AND s.alive_until > now() THEN 'running' ELSE 'gone' END AS state,
           CASE WHEN c.over IS NOT NULL OR c.running AND s.alive_until > now() THEN 0 ELSE 2 END AS rank,
           c.server, s.host, s.port, s.token, c.over
    FROM veracruz_computations AS c JOIN veracruz_servers AS s ON s.name = c.server
    WHERE c.policy_hash = $1
    UNION ALL
    SELECT 'held', 1, h.server, s.host, s.port, s.token, NULL
    FROM veracruz_holders AS h JOIN veracruz_servers AS s ON s.name = h.server
    WHERE h.policy_hash = $1 AND s.alive_until > now()
  ) AS candidates
  ORDER BY rank, md5(server || encode($1, 'hex')) LIMIT 1`;

/** Any number that others are unlikely to use: the advisory lock under which tables are made. */
const LOCK_SCHEMA = "7233188201003";

/** For how long a server counts as alive after it has said so, and how often it does, in milliseconds. */
const LEASE_MS = 10_000;
const RENEW_MS = 2_000;

const blob = (hash: string) => Buffer.from(hash, "hex");

/** What this server is in the registry. */
export interface RegistryOptions {
  /** As in `postgres://user@host:5432/database`. */
  url: string;
  /** Each server of a registry has another one. */
  name: string;
  /** Where the other servers reach this one. */
  address: { host: string; port: number };
  /** Told when the registry cannot be reached, and when it can be again. */
  log: (level: "info" | "error", event: string, details: Record<string, unknown>) => void;
}

/** The registry in a PostgreSQL database. */
export class PostgresRegistry implements Registry {
  readonly token = randomBytes(32).toString("hex");
  private timer: NodeJS.Timeout | undefined;
  private reachable = true;

  private constructor(
    private readonly pool: pg.Pool,
    private readonly options: RegistryOptions,
  ) {}

  get name(): string {
    return this.options.name;
  }

  /**
   * Enters this server into the registry; where a server of its name was there a moment ago, waits until that counts
   * as gone.
   *
   * @throws CliError, without the password that the URL may hold
   */
  static async open(options: RegistryOptions): Promise<PostgresRegistry> {
    const pool = new pg.Pool({
      connectionString: options.url,
      max: 4,
      connectionTimeoutMillis: 5_000,
      statement_timeout: 10_000,
      application_name: "vc-server",
    });
    // A connection that breaks while idle is replaced by the pool; the next query says more.
    pool.on("error", () => undefined);
    const registry = new PostgresRegistry(pool, options);
    try {
      await registry.makeTables();
      await registry.enter();
    } catch (error) {
      await pool.end();
      throw new CliError(`cannot use the registry: ${(error as Error).message}`, 1);
    }
    return registry;
  }

  private async makeTables(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query("BEGIN");
      await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK_SCHEMA]);
      await client.query(SCHEMA);
      await client.query("COMMIT");
    } finally {
      client.release();
    }
  }

  private async enter(): Promise<void> {
    const until = Date.now() + 2 * LEASE_MS;
    while (!(await this.renew())) {
      if (Date.now() > until)
        throw new Error(`another server has the name ${JSON.stringify(this.name)}`);
      await delay(500);
    }
    await this.begin();
    const renew = () => {
      this.renew().then(
        (still) => {
          if (!still) this.say(false, "another server has taken this one's name");
          else this.say(true, "");
        },
        (error: Error) => this.say(false, error.message),
      );
    };
    this.timer = setInterval(renew, RENEW_MS).unref();
  }

  /** What a server of this name had before, it has no more. */
  private async begin(): Promise<void> {
    await this.pool.query("DELETE FROM veracruz_holders WHERE server = $1", [this.name]);
    await this.pool.query("UPDATE veracruz_computations SET running = false WHERE server = $1", [
      this.name,
    ]);
  }

  private say(reachable: boolean, reason: string): void {
    if (reachable === this.reachable) return;
    this.reachable = reachable;
    if (reachable) this.options.log("info", "registry found again", {});
    else
      this.options.log("error", "registry lost: others believe that this server is gone", {
        reason,
      });
  }

  /** Says that this server is alive; false where another one of its name is. */
  private async renew(): Promise<boolean> {
    const { host, port } = this.options.address;
    const { rowCount } = await this.pool.query(
      `INSERT INTO veracruz_servers AS s (name, host, port, token, alive_until)
       VALUES ($1, $2, $3, $4, now() + $5 * interval '1 millisecond')
       ON CONFLICT (name) DO UPDATE SET host = $2, port = $3, token = $4, alive_until = excluded.alive_until
       WHERE s.token = $4 OR s.alive_until < now()`,
      [this.name, host, port, this.token, LEASE_MS],
    );
    return rowCount === 1;
  }

  async find(hash: string): Promise<Whereabouts | undefined> {
    const { rows } = await this.pool.query(FIND, [blob(hash)]);
    const [row] = rows as (Record<string, unknown> & Pick<Whereabouts, "state">)[];
    if (row === undefined) return undefined;
    return {
      state: row.state,
      server: String(row.server),
      address: { host: String(row.host), port: Number(row.port) },
      token: String(row.token),
      over: row.over === null ? undefined : String(row.over),
    };
  }

  async hold(hash: string): Promise<void> {
    await this.pool.query(
      `INSERT INTO veracruz_holders (policy_hash, server) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
      [blob(hash), this.name],
    );
  }

  async drop(hash: string): Promise<void> {
    await this.pool.query("DELETE FROM veracruz_holders WHERE policy_hash = $1 AND server = $2", [
      blob(hash),
      this.name,
    ]);
  }

  async claim(hash: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `INSERT INTO veracruz_computations AS c (policy_hash, server, running) VALUES ($1, $2, true)
       ON CONFLICT (policy_hash) DO UPDATE SET server = $2, running = true
       WHERE c.over IS NULL AND (c.server = $2 OR NOT c.running OR NOT EXISTS (
         SELECT FROM veracruz_servers AS s WHERE s.name = c.server AND s.alive_until > now()))`,
      [blob(hash), this.name],
    );
    return rowCount === 1;
  }

  async release(hash: string): Promise<void> {
    await this.pool.query(
      "UPDATE veracruz_computations SET running = false WHERE policy_hash = $1 AND server = $2",
      [blob(hash), this.name],
    );
  }

  async finish(hash: string, reason: string): Promise<void> {
    await this.pool.query(
      `INSERT INTO veracruz_computations AS c (policy_hash, server, over) VALUES ($1, $2, $3)
       ON CONFLICT (policy_hash) DO UPDATE SET over = $3, running = false WHERE c.server = $2`,
      [blob(hash), this.name, reason.slice(0, 500)],
    );
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.pool
      .query("UPDATE veracruz_servers SET alive_until = now() WHERE name = $1 AND token = $2", [
        this.name,
        this.token,
      ])
      .catch(() => undefined);
    await this.pool.end();
  }
}
