import pg from "pg";
import { decideEnrolment, mayBeRaised } from "./enrolment-decision.js";
import {
  decodeMeasured,
  encodeMeasured,
  type Judgement,
  type Measured,
  OUTSIDE_COMPONENT,
  RUNTIME_COMPONENT,
  type VersionFloor,
  versionOrder,
} from "./measured.js";
import {
  type AllowedMeasurement,
  type Application,
  type Challenge,
  type CommitOutcome,
  type Device,
  type EnrolOutcome,
  type IssuedCertificate,
  type IssueRefusal,
  isSameBinding,
  type KeyBinding,
  KNOWN,
  type LogEntry,
  type LogEvent,
  type Manufacturer,
  type Store,
} from "./store.js";

/** Each element brings the schema from version i to i + 1. Never edit one. */
const MIGRATIONS = [
  `
  CREATE TABLE devices (
    instance_id       bytea PRIMARY KEY CHECK (length(instance_id) = 33),
    public_key        bytea NOT NULL UNIQUE,
    implementation_id bytea NOT NULL CHECK (length(implementation_id) = 32),
    lifecycle         integer NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('linux', 'mcu')),
    label             text NOT NULL,
    enrolled_at       bigint NOT NULL,
    revoked_at        bigint
  );
  CREATE INDEX devices_by_implementation ON devices (implementation_id);

  CREATE TABLE measurements (
    implementation_id bytea NOT NULL CHECK (length(implementation_id) = 32),
    measurement       bytea NOT NULL CHECK (length(measurement) IN (32, 48, 64)),
    description       text NOT NULL,
    allowed_at        bigint NOT NULL,
    PRIMARY KEY (implementation_id, measurement)
  );

  CREATE TABLE challenges (
    device_id  integer PRIMARY KEY CHECK (device_id >= 0),
    challenge  bytea NOT NULL CHECK (length(challenge) = 32),
    expires_at bigint NOT NULL,
    used_at    bigint
  );
  CREATE INDEX challenges_by_expiry ON challenges (expires_at);

  CREATE TABLE certificates (
    serial          bytea NOT NULL,
    device_id       integer NOT NULL,
    challenge       bytea NOT NULL,
    instance_id     bytea NOT NULL REFERENCES devices (instance_id),
    public_key_hash bytea NOT NULL,
    runtime_hash    bytea NOT NULL,
    issued_at       bigint NOT NULL,
    not_after       bigint NOT NULL,
    certificate     bytea NOT NULL,
    UNIQUE (device_id, challenge)
  );

  CREATE TABLE log (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       bigint NOT NULL,
    event    text NOT NULL,
    detail   jsonb NOT NULL
  );
  CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''the log is append-only''; END';
  CREATE TRIGGER log_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
  `,
  `
  CREATE TABLE keys (
    public_key_hash bytea PRIMARY KEY CHECK (length(public_key_hash) = 32),
    policy_hash     bytea NOT NULL CHECK (length(policy_hash) = 32),
    scope_hash      bytea NOT NULL CHECK (length(scope_hash) = 32),
    most            integer NOT NULL CHECK (most >= 1),
    instance_id     bytea NOT NULL REFERENCES devices (instance_id),
    runtime_hash    bytea NOT NULL,
    measurements    text NOT NULL
  );
  CREATE TABLE commits (
    policy_hash     bytea NOT NULL,
    scope_hash      bytea NOT NULL,
    n               integer NOT NULL CHECK (n >= 1),
    public_key_hash bytea NOT NULL UNIQUE REFERENCES keys (public_key_hash),
    committed_at    bigint NOT NULL,
    UNIQUE (policy_hash, scope_hash, n)
  );
  CREATE FUNCTION refuse_to_forget() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''keys and commits are for ever''; END';
  CREATE TRIGGER keys_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_forget();
  CREATE TRIGGER commits_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON commits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_forget();
  CREATE INDEX certificates_by_key ON certificates (public_key_hash);
  `,
  `
  CREATE TABLE manufacturers (
    implementation_id bytea NOT NULL CHECK (length(implementation_id) = 32),
    public_key        bytea NOT NULL,
    name              text NOT NULL,
    trusted_at        bigint NOT NULL,
    PRIMARY KEY (implementation_id, public_key)
  );
  `,
  // What was allowed before components were told apart is allowed for any: component ''.
  `
  ALTER TABLE measurements ADD COLUMN component text NOT NULL DEFAULT '';
  ALTER TABLE measurements ALTER COLUMN component DROP DEFAULT;
  ALTER TABLE measurements DROP CONSTRAINT measurements_pkey;
  ALTER TABLE measurements ADD PRIMARY KEY (implementation_id, measurement, component);
  CREATE INDEX measurements_by_component ON measurements (implementation_id, component);

  CREATE TABLE floors (
    implementation_id bytea NOT NULL CHECK (length(implementation_id) = 32),
    component         text NOT NULL CHECK (component <> ''),
    version           text NOT NULL,
    version_order     text COLLATE "C" NOT NULL,
    set_at            bigint NOT NULL,
    PRIMARY KEY (implementation_id, component)
  );
  `,
];

/** Names of the advisory locks of this program: any two numbers that others are unlikely to use. */
const LOCK_MIGRATION = "7233188201001";
const LOCK_ENROLMENT = "7233188201002";

/** SQLSTATE of a transaction that lost to another one and may be tried again: serialization, deadlock, unique. */
const CONTENTION = new Set(["40001", "40P01", "23505"]);
const COMMIT_ATTEMPTS = 20;

/**
 * Comparing measured components, given as three lists, with what stands for an implementation: whether one is not
 * allowed, whether one is below its floor, and whether the non-secure image is only told.
 */
const judging = (
  implementation: string,
  components: string,
  measurements: string,
  orders: string,
) => {
  const wanted = `unnest(${components}::text[], ${measurements}::bytea[], ${orders}::text[]) AS w (component, measurement, version_order)`;
  const unlisted = `NOT EXISTS (SELECT FROM measurements AS m WHERE m.implementation_id = ${implementation}
    AND m.measurement = w.measurement AND (m.component = w.component OR m.component = '' OR w.component = ''))`;
  const told = `(w.component = '${OUTSIDE_COMPONENT}' AND NOT EXISTS (SELECT FROM measurements AS m
    WHERE m.implementation_id = ${implementation} AND m.component = w.component))`;
  return {
    forbidden: `EXISTS (SELECT FROM ${wanted} WHERE ${unlisted} AND NOT ${told})`,
    below: `EXISTS (SELECT FROM ${wanted} JOIN floors AS f ON f.implementation_id = ${implementation}
      AND f.component = w.component WHERE w.version_order COLLATE "C" < f.version_order)`,
    told: `EXISTS (SELECT FROM ${wanted} WHERE ${unlisted} AND ${told})`,
  };
};

const asked = judging("$1", "$2", "$3", "$4");
const JUDGE = `SELECT ${asked.forbidden} AS forbidden, ${asked.below} AS below, ${asked.told} AS told`;

/** The parameters for these components. */
const lists = (components: readonly Measured[]) => [
  components.map(({ component }) => component),
  components.map(({ measurement }) => blob(measurement)),
  components.map(({ version }) => versionOrder(version)),
];

function judgementOf(row: Row | undefined): Judgement {
  if (row?.forbidden !== false) return { outcome: "measurement-not-allowed" };
  if (row.below !== false) return { outcome: "version-below-floor" };
  return { outcome: "allowed", told: row.told === true ? [OUTSIDE_COMPONENT] : [] };
}

const issuing = judging("d.implementation_id", "$14", "$9", "$15");
const ISSUE = `
  WITH good AS (
    SELECT d.kind AS kind, d.lifecycle AS lifecycle FROM challenges AS c, devices AS d
    WHERE c.device_id = $1 AND c.used_at IS NULL AND c.expires_at >= $2
      AND d.instance_id = $3 AND d.revoked_at IS NULL
      AND NOT ${issuing.forbidden} AND NOT ${issuing.below}
  ), bound AS (
    INSERT INTO keys (public_key_hash, policy_hash, scope_hash, most, instance_id, runtime_hash, measurements)
    SELECT $5, $10, $11, $12, $3, $6, $13 FROM good
    ON CONFLICT (public_key_hash) DO NOTHING
    RETURNING 1
  ), used AS (
    UPDATE challenges SET used_at = $2
    FROM good
    WHERE challenges.device_id = $1 AND used_at IS NULL AND expires_at >= $2
      AND (EXISTS (SELECT FROM bound) OR EXISTS (
        SELECT FROM keys AS k
        WHERE k.public_key_hash = $5 AND k.policy_hash = $10 AND k.scope_hash = $11 AND k.most = $12
          AND k.instance_id = $3 AND k.runtime_hash = $6))
    RETURNING challenge, good.kind AS kind, good.lifecycle AS lifecycle
  ), recorded AS (
    INSERT INTO certificates (serial, device_id, challenge, instance_id, public_key_hash, runtime_hash, issued_at, not_after, certificate)
    SELECT $4, $1, challenge, $3, $5, $6, $2, $7, $8 FROM used
  )
  INSERT INTO log (at, event, detail)
  SELECT $2, 'certificate-issued', jsonb_build_object(
    'serial', encode($4::bytea, 'hex'), 'instanceId', encode($3::bytea, 'hex'),
    'runtimeHash', encode($6::bytea, 'hex'), 'kind', kind, 'lifecycle', lifecycle)
  FROM used
  RETURNING sequence`;

type Row = Record<string, unknown>;

const bytes = (value: unknown) => new Uint8Array(value as Buffer);
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const blob = (value: Uint8Array) => Buffer.from(value);

/** The store in a PostgreSQL database that several servers may share. */
export class PostgresStore implements Store {
  private constructor(private readonly pool: pg.Pool) {}

  /**
   * Connects and brings the schema up to date; of several servers that start at once, one does.
   *
   * @param url as in `postgres://user@host:5432/database`
   */
  static async open(url: string, connections = 10): Promise<PostgresStore> {
    const pool = new pg.Pool({
      connectionString: url,
      max: connections,
      connectionTimeoutMillis: 5000,
      statement_timeout: 10_000,
      application_name: "vc-pas",
    });
    // A connection that breaks while idle is replaced by the pool; the next query says more.
    pool.on("error", () => {});
    const store = new PostgresStore(pool);
    try {
      await store.migrate();
    } catch (error) {
      await pool.end();
      throw error;
    }
    return store;
  }

  private async transaction<T>(run: (client: pg.PoolClient) => Promise<T>, mode = ""): Promise<T> {
    const client = await this.pool.connect();
    let broken = true;
    try {
      await client.query(`BEGIN ${mode}`);
      let value: T;
      try {
        value = await run(client);
      } catch (error) {
        await client.query("ROLLBACK");
        broken = false;
        throw error;
      }
      await client.query("COMMIT");
      broken = false;
      return value;
    } finally {
      client.release(broken);
    }
  }

  private async migrate(): Promise<void> {
    await this.transaction(async (client) => {
      await client.query(`SELECT pg_advisory_xact_lock(${LOCK_MIGRATION})`);
      await client.query("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)");
      const { rows } = await client.query<{ version: number }>(
        "SELECT version FROM schema_version",
      );
      const version = rows[0]?.version ?? 0;
      if (version > MIGRATIONS.length)
        throw new Error(
          `the database has version ${version} of the schema, this program knows ${MIGRATIONS.length}`,
        );
      for (let i = version; i < MIGRATIONS.length; i++) await client.query(MIGRATIONS[i] as string);
      if (rows.length === 0) await client.query("INSERT INTO schema_version VALUES (0)");
      await client.query("UPDATE schema_version SET version = $1", [MIGRATIONS.length]);
    });
  }

  private async one(name: string, text: string, values: unknown[]): Promise<Row | undefined> {
    const { rows } = await this.pool.query({ name, text, values });
    return rows[0] as Row | undefined;
  }

  async addChallenge(challenge: Omit<Challenge, "usedAt">): Promise<boolean> {
    const row = await this.one(
      "add-challenge",
      "INSERT INTO challenges (device_id, challenge, expires_at) VALUES ($1, $2, $3) ON CONFLICT (device_id) DO NOTHING RETURNING 1",
      [challenge.deviceId, blob(challenge.challenge), challenge.expiresAt],
    );
    return row !== undefined;
  }

  async dropChallenge(deviceId: number): Promise<void> {
    await this.one(
      "drop-challenge",
      "DELETE FROM challenges WHERE device_id = $1 AND used_at IS NULL",
      [deviceId],
    );
  }

  async challenge(deviceId: number): Promise<Challenge | undefined> {
    const row = await this.one("challenge", "SELECT * FROM challenges WHERE device_id = $1", [
      deviceId,
    ]);
    return row && challengeOf(row);
  }

  async device(instanceId: Uint8Array): Promise<Device | undefined> {
    const row = await this.one("device", "SELECT * FROM devices WHERE instance_id = $1", [
      blob(instanceId),
    ]);
    return row && deviceOf(row);
  }

  async judge(implementationId: Uint8Array, components: readonly Measured[]) {
    const parameters = [blob(implementationId), ...lists(components)];
    return judgementOf(await this.one("judge", JUDGE, parameters));
  }

  /**
   * One statement, so one round trip and one transaction. Two that use the same challenge both reach
   * for its row; the second waits, then finds it used, and does nothing. Of two that bind the same key at the
   * same time one inserts the row, and the other is refused by what that row then says: its own statement finds
   * it only when it is tried again.
   */
  async issue(
    certificate: IssuedCertificate,
    binding: KeyBinding,
  ): Promise<"issued" | IssueRefusal> {
    const { deviceId, instanceId, issuedAt } = certificate;
    const [components, measurements, orders] = lists(binding.measurements);
    const parameters = [
      deviceId,
      issuedAt,
      blob(instanceId),
      blob(certificate.serial),
      blob(certificate.publicKeyHash),
      blob(certificate.runtimeHash),
      certificate.notAfter,
      blob(certificate.certificate),
      measurements,
      blob(binding.policyHash),
      blob(binding.scopeHash),
      binding.most,
      encodeMeasured(binding.measurements),
      components,
      orders,
    ];
    for (let attempt = 0; attempt < 2; attempt++) {
      const row = await this.one("issue", ISSUE, parameters);
      if (row !== undefined) return "issued";
      const challenge = await this.challenge(deviceId);
      if (challenge === undefined) return "challenge-unknown";
      if (challenge.usedAt !== undefined) return "challenge-used";
      if (challenge.expiresAt < issuedAt) return "challenge-expired";
      const device = await this.device(instanceId);
      if (device === undefined) return "device-unknown";
      if (device.revokedAt !== undefined) return "device-revoked";
      const bound = await this.binding(binding.publicKeyHash);
      if (bound !== undefined && !isSameBinding(bound, binding)) return "key-bound";
      const { outcome } = await this.judge(device.implementationId, binding.measurements);
      if (outcome !== "allowed") return outcome;
    }
    return "key-bound";
  }

  async binding(publicKeyHash: Uint8Array) {
    const row = await this.one(
      "binding",
      "SELECT *, (SELECT coalesce(max(not_after), 0) FROM certificates AS c WHERE c.public_key_hash = k.public_key_hash) AS until FROM keys AS k WHERE public_key_hash = $1",
      [blob(publicKeyHash)],
    );
    return row && { ...bindingOf(row), certifiedUntil: Number(row.until) };
  }

  /** Serialisable: of two that would take the same number one is tried again, and takes the next. */
  async commit(publicKeyHash: Uint8Array, at: number): Promise<CommitOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.transaction(
          (client) => commitNow(client, publicKeyHash, at),
          "ISOLATION LEVEL SERIALIZABLE",
        );
      } catch (error) {
        const code = (error as { code?: string }).code ?? "";
        if (attempt === COMMIT_ATTEMPTS || !CONTENTION.has(code)) throw error;
      }
    }
  }

  async highestCommit(policyHash: Uint8Array, scopeHash: Uint8Array): Promise<number> {
    const row = await this.one(
      "highest-commit",
      "SELECT coalesce(max(n), 0) AS highest FROM commits WHERE policy_hash = $1 AND scope_hash = $2",
      [blob(policyHash), blob(scopeHash)],
    );
    return Number(row?.highest);
  }

  async certificateFor(deviceId: number, publicKeyHash: Uint8Array, now: number) {
    const row = await this.one(
      "certificate-for",
      "SELECT * FROM certificates WHERE device_id = $1 AND public_key_hash = $2 AND not_after >= $3 ORDER BY issued_at DESC LIMIT 1",
      [deviceId, blob(publicKeyHash), now],
    );
    return row && certificateOf(row);
  }

  private static async append(
    client: pg.PoolClient,
    at: number,
    event: LogEvent,
    detail: Record<string, unknown>,
  ): Promise<void> {
    await client.query("INSERT INTO log (at, event, detail) VALUES ($1, $2, $3)", [
      at,
      event,
      JSON.stringify(detail),
    ]);
  }

  enrol(application: Application): Promise<EnrolOutcome> {
    return this.transaction((client) => PostgresStore.enrolNow(client, application));
  }

  private static async enrolNow(
    client: pg.PoolClient,
    application: Application,
  ): Promise<EnrolOutcome> {
    const { instanceId, publicKey, implementationId, label, enrolledAt, evidence } = application;
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK_ENROLMENT})`);
    const rows = async (text: string, value: Uint8Array): Promise<Row[]> =>
      (await client.query(text, [blob(value)])).rows;
    const [found] = await rows(
      "SELECT * FROM devices WHERE instance_id = $1 FOR UPDATE",
      instanceId,
    );
    const before = found && deviceOf(found);
    if (before === undefined) {
      if ((await rows("SELECT 1 FROM devices WHERE public_key = $1", publicKey)).length > 0)
        return KNOWN.key;
    } else if (!mayBeRaised(before, application)) return KNOWN.instance;
    const [row] =
      evidence === undefined
        ? []
        : await rows(
            "SELECT * FROM challenges WHERE challenge = $1 FOR UPDATE",
            evidence.challenge,
          );
    const challenge = row && challengeOf(row);
    const trusted = "SELECT * FROM manufacturers WHERE implementation_id = $1";
    const makers = (await rows(trusted, implementationId)).map(manufacturerOf);
    const decision = decideEnrolment(application, challenge, makers);
    if (!decision.ok) return { outcome: decision.rule, detail: decision.detail };
    const { kind, lifecycle, endorser } = decision;
    if (challenge !== undefined)
      await client.query("UPDATE challenges SET used_at = $1 WHERE device_id = $2", [
        enrolledAt,
        challenge.deviceId,
      ]);
    if (before === undefined)
      await client.query(
        "INSERT INTO devices (instance_id, public_key, implementation_id, lifecycle, kind, label, enrolled_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
          ...[blob(instanceId), blob(publicKey), blob(implementationId)],
          ...[lifecycle, kind, label, enrolledAt],
        ],
      );
    else
      await client.query("UPDATE devices SET lifecycle = $1 WHERE instance_id = $2", [
        lifecycle,
        blob(instanceId),
      ]);
    const event = before === undefined ? "device-enrolled" : "device-raised";
    await PostgresStore.append(client, enrolledAt, event, {
      instanceId: hex(instanceId),
      implementationId: hex(implementationId),
      lifecycle,
      kind,
      label,
      ...(endorser !== undefined && { endorser }),
    });
    return { outcome: "enrolled", kind, lifecycle };
  }

  revoke(instanceId: Uint8Array, at: number): Promise<"revoked" | "unknown" | "already-revoked"> {
    return this.transaction(async (client) => {
      const { rows } = await client.query(
        "SELECT revoked_at FROM devices WHERE instance_id = $1 FOR UPDATE",
        [blob(instanceId)],
      );
      if (rows.length === 0) return "unknown";
      if (rows[0].revoked_at !== null) return "already-revoked";
      await client.query("UPDATE devices SET revoked_at = $2 WHERE instance_id = $1", [
        blob(instanceId),
        at,
      ]);
      await PostgresStore.append(client, at, "device-revoked", { instanceId: hex(instanceId) });
      return "revoked";
    });
  }

  async devices(): Promise<Device[]> {
    const { rows } = await this.pool.query(
      "SELECT * FROM devices ORDER BY enrolled_at, instance_id",
    );
    return rows.map(deviceOf);
  }

  allow(measurement: AllowedMeasurement): Promise<boolean> {
    const { component = RUNTIME_COMPONENT } = measurement;
    return this.transaction(async (client) => {
      const { rowCount } = await client.query(
        "INSERT INTO measurements (implementation_id, component, measurement, description, allowed_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        [
          blob(measurement.implementationId),
          component,
          blob(measurement.measurement),
          measurement.description,
          measurement.allowedAt,
        ],
      );
      if (rowCount === 0) return false;
      await PostgresStore.append(client, measurement.allowedAt, "measurement-allowed", {
        implementationId: hex(measurement.implementationId),
        component,
        measurement: hex(measurement.measurement),
        description: measurement.description,
      });
      return true;
    });
  }

  withdraw(implementationId: Uint8Array, measurement: Uint8Array, at: number): Promise<boolean> {
    return this.transaction(async (client) => {
      const { rowCount } = await client.query(
        "DELETE FROM measurements WHERE implementation_id = $1 AND measurement = $2",
        [blob(implementationId), blob(measurement)],
      );
      if (rowCount === 0) return false;
      await PostgresStore.append(client, at, "measurement-withdrawn", {
        implementationId: hex(implementationId),
        measurement: hex(measurement),
      });
      return true;
    });
  }

  async measurements(): Promise<AllowedMeasurement[]> {
    const { rows } = await this.pool.query("SELECT * FROM measurements ORDER BY allowed_at");
    return rows.map((row) => ({
      implementationId: bytes(row.implementation_id),
      component: row.component,
      measurement: bytes(row.measurement),
      description: row.description,
      allowedAt: Number(row.allowed_at),
    }));
  }

  setFloor(floor: VersionFloor, lower = false): Promise<"set" | "same" | "lower"> {
    const { implementationId, component, version, setAt } = floor;
    const order = versionOrder(version);
    return this.transaction(async (client) => {
      // Of two that set one at the same time, the second must see what the first has set.
      await client.query("LOCK TABLE floors IN SHARE ROW EXCLUSIVE MODE");
      const { rows } = await client.query(
        "SELECT version_order FROM floors WHERE implementation_id = $1 AND component = $2",
        [blob(implementationId), component],
      );
      const before = rows[0]?.version_order as string | undefined;
      if (before === order) return "same";
      if (before !== undefined && order < before && !lower) return "lower";
      await client.query(
        "INSERT INTO floors (implementation_id, component, version, version_order, set_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (implementation_id, component) DO UPDATE SET version = excluded.version, version_order = excluded.version_order, set_at = excluded.set_at",
        [blob(implementationId), component, version, order, setAt],
      );
      await PostgresStore.append(client, setAt, "floor-set", {
        implementationId: hex(implementationId),
        component,
        version,
      });
      return "set";
    });
  }

  async floors(): Promise<VersionFloor[]> {
    const { rows } = await this.pool.query("SELECT * FROM floors ORDER BY set_at, component");
    return rows.map((row) => ({
      implementationId: bytes(row.implementation_id),
      component: row.component,
      version: row.version,
      setAt: Number(row.set_at),
    }));
  }

  trustManufacturer(manufacturer: Manufacturer): Promise<boolean> {
    const { implementationId, publicKey, name, trustedAt } = manufacturer;
    return this.transaction(async (client) => {
      const { rowCount } = await client.query(
        "INSERT INTO manufacturers (implementation_id, public_key, name, trusted_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [blob(implementationId), blob(publicKey), name, trustedAt],
      );
      if (rowCount === 0) return false;
      await PostgresStore.append(client, trustedAt, "manufacturer-trusted", {
        implementationId: hex(implementationId),
        publicKey: hex(publicKey),
        name,
      });
      return true;
    });
  }

  distrustManufacturer(
    implementationId: Uint8Array,
    publicKey: Uint8Array,
    at: number,
  ): Promise<boolean> {
    return this.transaction(async (client) => {
      const { rowCount } = await client.query(
        "DELETE FROM manufacturers WHERE implementation_id = $1 AND public_key = $2",
        [blob(implementationId), blob(publicKey)],
      );
      if (rowCount === 0) return false;
      await PostgresStore.append(client, at, "manufacturer-withdrawn", {
        implementationId: hex(implementationId),
        publicKey: hex(publicKey),
      });
      return true;
    });
  }

  async manufacturers(): Promise<Manufacturer[]> {
    const { rows } = await this.pool.query("SELECT * FROM manufacturers ORDER BY trusted_at");
    return rows.map(manufacturerOf);
  }

  async certificates(limit: number): Promise<IssuedCertificate[]> {
    const { rows } = await this.pool.query(
      "SELECT * FROM certificates ORDER BY issued_at DESC LIMIT $1",
      [limit],
    );
    return rows.map(certificateOf);
  }

  async log(limit: number): Promise<LogEntry[]> {
    const { rows } = await this.pool.query("SELECT * FROM log ORDER BY sequence DESC LIMIT $1", [
      limit,
    ]);
    return rows.reverse().map((row) => ({
      sequence: Number(row.sequence),
      at: Number(row.at),
      event: row.event,
      detail: row.detail,
    }));
  }

  async purgeChallenges(before: number): Promise<number> {
    const { rowCount } = await this.pool.query("DELETE FROM challenges WHERE expires_at < $1", [
      before,
    ]);
    return rowCount ?? 0;
  }

  async ping(): Promise<void> {
    await this.pool.query("SELECT 1");
  }

  async close(): Promise<void> {
    if (!this.pool.ending) await this.pool.end();
  }
}

function bindingOf(row: Row): KeyBinding {
  return {
    publicKeyHash: bytes(row.public_key_hash),
    policyHash: bytes(row.policy_hash),
    scopeHash: bytes(row.scope_hash),
    most: Number(row.most),
    instanceId: bytes(row.instance_id),
    runtimeHash: bytes(row.runtime_hash),
    measurements: decodeMeasured(row.measurements as string),
  };
}

/** One attempt at `PostgresStore.commit`, inside of a serialisable transaction. */
async function commitNow(
  client: pg.PoolClient,
  publicKeyHash: Uint8Array,
  at: number,
): Promise<CommitOutcome> {
  const one = async (text: string, ...values: unknown[]) =>
    (await client.query(text, values)).rows[0] as Row | undefined;
  const key = blob(publicKeyHash);
  const found = await one(
    "SELECT k.*, d.revoked_at, d.implementation_id FROM keys AS k JOIN devices AS d USING (instance_id) WHERE public_key_hash = $1",
    key,
  );
  if (found === undefined) return { outcome: "key-unknown" };
  if (found.revoked_at !== null) return { outcome: "device-revoked" };
  const bound = bindingOf(found);
  const row = await one(JUDGE, found.implementation_id, ...lists(bound.measurements));
  const { outcome } = judgementOf(row);
  if (outcome !== "allowed") return { outcome };
  const own = await one("SELECT n FROM commits WHERE public_key_hash = $1", key);
  if (own !== undefined) return { outcome: "committed", n: Number(own.n) };
  const pair = [blob(bound.policyHash), blob(bound.scopeHash)] as const;
  const before = await one(
    "SELECT coalesce(max(n), 0) AS highest, min(committed_at) AS began FROM commits WHERE policy_hash = $1 AND scope_hash = $2",
    ...pair,
  );
  const n = Number(before?.highest) + 1;
  if (n > bound.most) return { outcome: "exhausted", beganAt: Number(before?.began) };
  await one(
    "INSERT INTO commits (policy_hash, scope_hash, n, public_key_hash, committed_at) VALUES ($1, $2, $3, $4, $5)",
    ...pair,
    n,
    key,
    at,
  );
  await one(
    "INSERT INTO log (at, event, detail) VALUES ($1, 'computation-committed', $2)",
    at,
    JSON.stringify({
      policyHash: hex(bound.policyHash),
      scopeHash: hex(bound.scopeHash),
      n,
      of: bound.most,
      publicKeyHash: hex(publicKeyHash),
      instanceId: hex(bound.instanceId),
    }),
  );
  return { outcome: "committed", n };
}

function deviceOf(row: Row): Device {
  return {
    instanceId: bytes(row.instance_id),
    publicKey: bytes(row.public_key),
    implementationId: bytes(row.implementation_id),
    lifecycle: Number(row.lifecycle),
    kind: row.kind as Device["kind"],
    label: row.label as string,
    enrolledAt: Number(row.enrolled_at),
    revokedAt: row.revoked_at === null ? undefined : Number(row.revoked_at),
  };
}

function challengeOf(row: Row): Challenge {
  return {
    deviceId: Number(row.device_id),
    challenge: bytes(row.challenge),
    expiresAt: Number(row.expires_at),
    usedAt: row.used_at === null ? undefined : Number(row.used_at),
  };
}

function manufacturerOf(row: Row): Manufacturer {
  return {
    implementationId: bytes(row.implementation_id),
    publicKey: bytes(row.public_key),
    name: row.name as string,
    trustedAt: Number(row.trusted_at),
  };
}

function certificateOf(row: Row): IssuedCertificate {
  return {
    serial: bytes(row.serial),
    deviceId: Number(row.device_id),
    instanceId: bytes(row.instance_id),
    publicKeyHash: bytes(row.public_key_hash),
    runtimeHash: bytes(row.runtime_hash),
    issuedAt: Number(row.issued_at),
    notAfter: Number(row.not_after),
    certificate: bytes(row.certificate),
  };
}
