import pg from "pg";
import type {
  AllowedMeasurement,
  Challenge,
  Device,
  EnrolRefusal,
  IssuedCertificate,
  IssueRefusal,
  LogEntry,
  LogEvent,
  Store,
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
];

/** Names of the advisory locks of this program: any two numbers that others are unlikely to use. */
const LOCK_MIGRATION = "7233188201001";
const LOCK_ENROLMENT = "7233188201002";

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

  private async transaction<T>(run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken = true;
    try {
      await client.query("BEGIN");
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

  async challenge(deviceId: number): Promise<Challenge | undefined> {
    const row = await this.one("challenge", "SELECT * FROM challenges WHERE device_id = $1", [
      deviceId,
    ]);
    return (
      row && {
        deviceId,
        challenge: bytes(row.challenge),
        expiresAt: Number(row.expires_at),
        usedAt: row.used_at === null ? undefined : Number(row.used_at),
      }
    );
  }

  async device(instanceId: Uint8Array): Promise<Device | undefined> {
    const row = await this.one("device", "SELECT * FROM devices WHERE instance_id = $1", [
      blob(instanceId),
    ]);
    return row && deviceOf(row);
  }

  async areAllowed(implementationId: Uint8Array, measurements: readonly Uint8Array[]) {
    const row = await this.one(
      "are-allowed",
      "SELECT NOT EXISTS (SELECT FROM unnest($2::bytea[]) AS wanted (measurement) WHERE NOT EXISTS (SELECT FROM measurements AS m WHERE m.implementation_id = $1 AND m.measurement = wanted.measurement)) AS allowed",
      [blob(implementationId), measurements.map(blob)],
    );
    return row?.allowed === true;
  }

  /**
   * One statement, so one round trip and one transaction. Two that use the same challenge both reach
   * for its row; the second waits, then finds it used, and does nothing.
   */
  async issue(
    certificate: IssuedCertificate,
    measurements: readonly Uint8Array[],
  ): Promise<"issued" | IssueRefusal> {
    const { deviceId, instanceId, issuedAt } = certificate;
    const row = await this.one(
      "issue",
      `WITH used AS (
         UPDATE challenges SET used_at = $2
         FROM devices AS d
         WHERE challenges.device_id = $1 AND used_at IS NULL AND expires_at >= $2
           AND d.instance_id = $3 AND d.revoked_at IS NULL
           AND NOT EXISTS (
             SELECT FROM unnest($9::bytea[]) AS wanted (measurement) WHERE NOT EXISTS (
               SELECT FROM measurements AS m
               WHERE m.implementation_id = d.implementation_id AND m.measurement = wanted.measurement))
         RETURNING challenge, d.kind AS kind, d.lifecycle AS lifecycle
       ), recorded AS (
         INSERT INTO certificates (serial, device_id, challenge, instance_id, public_key_hash, runtime_hash, issued_at, not_after, certificate)
         SELECT $4, $1, challenge, $3, $5, $6, $2, $7, $8 FROM used
       )
       INSERT INTO log (at, event, detail)
       SELECT $2, 'certificate-issued', jsonb_build_object(
         'serial', encode($4::bytea, 'hex'), 'instanceId', encode($3::bytea, 'hex'),
         'runtimeHash', encode($6::bytea, 'hex'), 'kind', kind, 'lifecycle', lifecycle)
       FROM used
       RETURNING sequence`,
      [
        deviceId,
        issuedAt,
        blob(instanceId),
        blob(certificate.serial),
        blob(certificate.publicKeyHash),
        blob(certificate.runtimeHash),
        certificate.notAfter,
        blob(certificate.certificate),
        measurements.map(blob),
      ],
    );
    if (row !== undefined) return "issued";
    const challenge = await this.challenge(deviceId);
    if (challenge === undefined) return "challenge-unknown";
    if (challenge.usedAt !== undefined) return "challenge-used";
    if (challenge.expiresAt < issuedAt) return "challenge-expired";
    const device = await this.device(instanceId);
    if (device === undefined) return "device-unknown";
    return device.revokedAt !== undefined ? "device-revoked" : "measurement-not-allowed";
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

  enrol(device: Omit<Device, "revokedAt">): Promise<"enrolled" | EnrolRefusal> {
    return this.transaction(async (client) => {
      await client.query(`SELECT pg_advisory_xact_lock(${LOCK_ENROLMENT})`);
      const exists = async (condition: string, ...values: unknown[]) =>
        (await client.query(`SELECT 1 FROM devices WHERE ${condition}`, values)).rows.length > 0;
      if (await exists("instance_id = $1", blob(device.instanceId))) return "instance-known";
      if (await exists("public_key = $1", blob(device.publicKey))) return "key-known";
      if (
        await exists(
          "implementation_id = $1 AND kind <> $2",
          blob(device.implementationId),
          device.kind,
        )
      )
        return "kind-differs";
      await client.query(
        "INSERT INTO devices (instance_id, public_key, implementation_id, lifecycle, kind, label, enrolled_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
          blob(device.instanceId),
          blob(device.publicKey),
          blob(device.implementationId),
          device.lifecycle,
          device.kind,
          device.label,
          device.enrolledAt,
        ],
      );
      await PostgresStore.append(client, device.enrolledAt, "device-enrolled", {
        instanceId: hex(device.instanceId),
        implementationId: hex(device.implementationId),
        lifecycle: device.lifecycle,
        kind: device.kind,
        label: device.label,
      });
      return "enrolled";
    });
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
    return this.transaction(async (client) => {
      const { rowCount } = await client.query(
        "INSERT INTO measurements (implementation_id, measurement, description, allowed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [
          blob(measurement.implementationId),
          blob(measurement.measurement),
          measurement.description,
          measurement.allowedAt,
        ],
      );
      if (rowCount === 0) return false;
      await PostgresStore.append(client, measurement.allowedAt, "measurement-allowed", {
        implementationId: hex(measurement.implementationId),
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
      measurement: bytes(row.measurement),
      description: row.description,
      allowedAt: Number(row.allowed_at),
    }));
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
