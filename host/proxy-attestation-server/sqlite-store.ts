import Database from "better-sqlite3";
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

/** Each element brings the schema from version i to i + 1 (`PRAGMA user_version`). Never edit one. */
const MIGRATIONS = [
  `
  CREATE TABLE devices (
    instance_id       BLOB PRIMARY KEY CHECK (length(instance_id) = 33),
    public_key        BLOB NOT NULL UNIQUE,
    implementation_id BLOB NOT NULL CHECK (length(implementation_id) = 32),
    lifecycle         INTEGER NOT NULL,
    kind              TEXT NOT NULL CHECK (kind IN ('linux', 'mcu')),
    label             TEXT NOT NULL,
    enrolled_at       INTEGER NOT NULL,
    revoked_at        INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX devices_by_implementation ON devices (implementation_id);

  CREATE TABLE measurements (
    implementation_id BLOB NOT NULL CHECK (length(implementation_id) = 32),
    measurement       BLOB NOT NULL CHECK (length(measurement) IN (32, 48, 64)),
    description       TEXT NOT NULL,
    allowed_at        INTEGER NOT NULL,
    PRIMARY KEY (implementation_id, measurement)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE challenges (
    device_id  INTEGER PRIMARY KEY CHECK (device_id BETWEEN 0 AND 2147483647),
    challenge  BLOB NOT NULL CHECK (length(challenge) = 32),
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
  ) STRICT;
  CREATE INDEX challenges_by_expiry ON challenges (expires_at);

  CREATE TABLE certificates (
    serial          BLOB NOT NULL,
    device_id       INTEGER NOT NULL,
    challenge       BLOB NOT NULL,
    instance_id     BLOB NOT NULL REFERENCES devices (instance_id),
    public_key_hash BLOB NOT NULL,
    runtime_hash    BLOB NOT NULL,
    issued_at       INTEGER NOT NULL,
    not_after       INTEGER NOT NULL,
    certificate     BLOB NOT NULL,
    UNIQUE (device_id, challenge)
  ) STRICT;

  CREATE TABLE log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    detail   TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER log_is_never_changed BEFORE UPDATE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
  CREATE TRIGGER log_is_never_shortened BEFORE DELETE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
  `,
];

interface Job {
  run(): unknown;
  /** Whether it is to survive a power cut once its caller was told, not only the end of the process. */
  readonly durable: boolean;
  done(value: unknown): void;
  fail(error: unknown): void;
}

type Row = Record<string, unknown>;

const bytes = (value: unknown) => new Uint8Array(value as Buffer);
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");

/**
 * The store in one SQLite file, with a write-ahead log. What a caller was told is on disk: the commit is
 * synced before. New challenges alone are not synced: the end of the process leaves them, a power cut
 * may not, and then they are refused as unknown, which costs one more try. Writes that arrive together
 * share one transaction, and so one sync.
 */
export class SqliteStore implements Store {
  private readonly statements = new Map<string, Database.Statement>();
  private queue: Job[] = [];
  private syncing = true;
  /** A transaction around several jobs. */
  private readonly together: Database.Transaction<(run: () => void) => void>;
  /** Inside of it, a savepoint around one job: its failure undoes what it did, and nothing else. */
  private readonly alone: Database.Transaction<(run: () => unknown) => unknown>;

  /**
   * Takes over an open database and brings its schema up to date.
   *
   * @throws when the database was made by a newer version
   */
  constructor(private readonly db: Database.Database) {
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    db.pragma("busy_timeout = 5000");
    this.migrate();
    this.together = db.transaction((run: () => void) => run());
    this.alone = db.transaction((run: () => unknown) => run());
  }

  /** Opens the file, or makes it, readable by its owner only. */
  static open(path: string): SqliteStore {
    const mask = process.umask(0o077);
    try {
      return new SqliteStore(new Database(path));
    } finally {
      process.umask(mask);
    }
  }

  private migrate(): void {
    const migrate = this.db.transaction(() => {
      const version = this.db.pragma("user_version", { simple: true }) as number;
      if (version > MIGRATIONS.length)
        throw new Error(
          `the database has version ${version} of the schema, this program knows ${MIGRATIONS.length}`,
        );
      for (let i = version; i < MIGRATIONS.length; i++) {
        this.db.exec(MIGRATIONS[i] as string);
        this.db.pragma(`user_version = ${i + 1}`);
      }
    });
    migrate.exclusive();
  }

  private prepare(sql: string): Database.Statement {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs the job in the next shared transaction; resolves when that is committed. */
  private write<T>(run: () => T, durable = true): Promise<T> {
    return new Promise<T>((done, fail) => {
      if (this.queue.length === 0) setImmediate(() => this.flush());
      this.queue.push({ run, durable, done: done as (value: unknown) => void, fail });
    });
  }

  /** Whether commits wait for the disk from now on. */
  private sync(wanted: boolean): void {
    if (wanted === this.syncing) return;
    this.db.pragma(`synchronous = ${wanted ? "FULL" : "NORMAL"}`);
    this.syncing = wanted;
  }

  private flush(): void {
    const jobs = this.queue;
    if (jobs.length === 0) return;
    this.queue = [];
    const outcomes: (() => void)[] = [];
    try {
      this.sync(jobs.some(({ durable }) => durable));
      this.together.immediate(() => {
        for (const job of jobs) {
          try {
            // What is not durable is one statement, and needs no savepoint.
            const value = job.durable ? this.alone(job.run) : job.run();
            outcomes.push(() => job.done(value));
          } catch (error) {
            // A full disk, say, ends the whole transaction: nothing of it holds, for anyone.
            if (!this.db.inTransaction) throw error;
            outcomes.push(() => job.fail(error));
          }
        }
      });
    } catch (error) {
      for (const job of jobs) job.fail(error);
      return;
    }
    for (const settle of outcomes) settle();
  }

  private append(at: number, event: LogEvent, detail: Record<string, unknown>): void {
    this.prepare("INSERT INTO log (at, event, detail) VALUES (?, ?, ?)").run(
      at,
      event,
      JSON.stringify(detail),
    );
  }

  addChallenge(challenge: Omit<Challenge, "usedAt">): Promise<boolean> {
    return this.write(() => {
      const { changes } = this.prepare(
        "INSERT INTO challenges (device_id, challenge, expires_at) VALUES (?, ?, ?) ON CONFLICT (device_id) DO NOTHING",
      ).run(challenge.deviceId, challenge.challenge, challenge.expiresAt);
      return changes === 1;
    }, false);
  }

  async challenge(deviceId: number): Promise<Challenge | undefined> {
    return this.readChallenge(deviceId);
  }

  private readChallenge(deviceId: number): Challenge | undefined {
    const row = this.prepare("SELECT * FROM challenges WHERE device_id = ?").get(deviceId) as Row;
    return (
      row && {
        deviceId,
        challenge: bytes(row.challenge),
        expiresAt: row.expires_at as number,
        usedAt: (row.used_at as number | null) ?? undefined,
      }
    );
  }

  async device(instanceId: Uint8Array): Promise<Device | undefined> {
    return this.readDevice(instanceId);
  }

  private readDevice(instanceId: Uint8Array): Device | undefined {
    const row = this.prepare("SELECT * FROM devices WHERE instance_id = ?").get(instanceId) as Row;
    return row && deviceOf(row);
  }

  async areAllowed(implementationId: Uint8Array, measurements: readonly Uint8Array[]) {
    return this.readAllowed(implementationId, measurements);
  }

  private readAllowed(implementationId: Uint8Array, measurements: readonly Uint8Array[]): boolean {
    const statement = this.prepare(
      "SELECT 1 FROM measurements WHERE implementation_id = ? AND measurement = ?",
    );
    return measurements.every(
      (measurement) => statement.get(implementationId, measurement) !== undefined,
    );
  }

  issue(certificate: IssuedCertificate, measurements: readonly Uint8Array[]) {
    return this.write(() => this.issueNow(certificate, measurements));
  }

  private issueNow(
    certificate: IssuedCertificate,
    measurements: readonly Uint8Array[],
  ): "issued" | IssueRefusal {
    const { deviceId, instanceId, issuedAt } = certificate;
    const challenge = this.readChallenge(deviceId);
    if (challenge === undefined) return "challenge-unknown";
    if (challenge.usedAt !== undefined) return "challenge-used";
    if (challenge.expiresAt < issuedAt) return "challenge-expired";
    const device = this.readDevice(instanceId);
    if (device === undefined) return "device-unknown";
    if (device.revokedAt !== undefined) return "device-revoked";
    if (!this.readAllowed(device.implementationId, measurements)) return "measurement-not-allowed";
    this.prepare("UPDATE challenges SET used_at = ? WHERE device_id = ?").run(issuedAt, deviceId);
    this.prepare(
      "INSERT INTO certificates (serial, device_id, challenge, instance_id, public_key_hash, runtime_hash, issued_at, not_after, certificate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ).run(
      certificate.serial,
      deviceId,
      challenge.challenge,
      instanceId,
      certificate.publicKeyHash,
      certificate.runtimeHash,
      issuedAt,
      certificate.notAfter,
      certificate.certificate,
    );
    this.append(issuedAt, "certificate-issued", {
      serial: hex(certificate.serial),
      instanceId: hex(instanceId),
      runtimeHash: hex(certificate.runtimeHash),
      kind: device.kind,
      lifecycle: device.lifecycle,
    });
    return "issued";
  }

  async certificateFor(deviceId: number, publicKeyHash: Uint8Array, now: number) {
    const row = this.prepare(
      "SELECT * FROM certificates WHERE device_id = ? AND public_key_hash = ? AND not_after >= ? ORDER BY issued_at DESC LIMIT 1",
    ).get(deviceId, publicKeyHash, now) as Row;
    return row && certificateOf(row);
  }

  enrol(device: Omit<Device, "revokedAt">): Promise<"enrolled" | EnrolRefusal> {
    return this.write(() => {
      if (this.readDevice(device.instanceId) !== undefined) return "instance-known";
      if (this.prepare("SELECT 1 FROM devices WHERE public_key = ?").get(device.publicKey))
        return "key-known";
      const other = this.prepare(
        "SELECT 1 FROM devices WHERE implementation_id = ? AND kind <> ?",
      ).get(device.implementationId, device.kind);
      if (other !== undefined) return "kind-differs";
      this.prepare(
        "INSERT INTO devices (instance_id, public_key, implementation_id, lifecycle, kind, label, enrolled_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ).run(
        device.instanceId,
        device.publicKey,
        device.implementationId,
        device.lifecycle,
        device.kind,
        device.label,
        device.enrolledAt,
      );
      this.append(device.enrolledAt, "device-enrolled", {
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
    return this.write(() => {
      const device = this.readDevice(instanceId);
      if (device === undefined) return "unknown";
      if (device.revokedAt !== undefined) return "already-revoked";
      this.prepare("UPDATE devices SET revoked_at = ? WHERE instance_id = ?").run(at, instanceId);
      this.append(at, "device-revoked", { instanceId: hex(instanceId) });
      return "revoked";
    });
  }

  async devices(): Promise<Device[]> {
    const rows = this.prepare("SELECT * FROM devices ORDER BY enrolled_at, instance_id").all();
    return (rows as Row[]).map(deviceOf);
  }

  allow(measurement: AllowedMeasurement): Promise<boolean> {
    return this.write(() => {
      const { changes } = this.prepare(
        "INSERT INTO measurements (implementation_id, measurement, description, allowed_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ).run(
        measurement.implementationId,
        measurement.measurement,
        measurement.description,
        measurement.allowedAt,
      );
      if (changes === 0) return false;
      this.append(measurement.allowedAt, "measurement-allowed", {
        implementationId: hex(measurement.implementationId),
        measurement: hex(measurement.measurement),
        description: measurement.description,
      });
      return true;
    });
  }

  withdraw(implementationId: Uint8Array, measurement: Uint8Array, at: number): Promise<boolean> {
    return this.write(() => {
      const { changes } = this.prepare(
        "DELETE FROM measurements WHERE implementation_id = ? AND measurement = ?",
      ).run(implementationId, measurement);
      if (changes === 0) return false;
      this.append(at, "measurement-withdrawn", {
        implementationId: hex(implementationId),
        measurement: hex(measurement),
      });
      return true;
    });
  }

  async measurements(): Promise<AllowedMeasurement[]> {
    const rows = this.prepare("SELECT * FROM measurements ORDER BY allowed_at").all() as Row[];
    return rows.map((row) => ({
      implementationId: bytes(row.implementation_id),
      measurement: bytes(row.measurement),
      description: row.description as string,
      allowedAt: row.allowed_at as number,
    }));
  }

  async certificates(limit: number): Promise<IssuedCertificate[]> {
    const rows = this.prepare("SELECT * FROM certificates ORDER BY issued_at DESC LIMIT ?");
    return (rows.all(limit) as Row[]).map(certificateOf);
  }

  async log(limit: number): Promise<LogEntry[]> {
    const rows = this.prepare("SELECT * FROM log ORDER BY sequence DESC LIMIT ?").all(limit);
    return (rows as Row[]).reverse().map((row) => ({
      sequence: row.sequence as number,
      at: row.at as number,
      event: row.event as LogEvent,
      detail: JSON.parse(row.detail as string),
    }));
  }

  purgeChallenges(before: number): Promise<number> {
    return this.write(
      () => this.prepare("DELETE FROM challenges WHERE expires_at < ?").run(before).changes,
    );
  }

  async ping(): Promise<void> {
    this.prepare("SELECT 1").get();
  }

  async close(): Promise<void> {
    this.flush();
    this.db.close();
  }
}

function deviceOf(row: Row): Device {
  return {
    instanceId: bytes(row.instance_id),
    publicKey: bytes(row.public_key),
    implementationId: bytes(row.implementation_id),
    lifecycle: row.lifecycle as number,
    kind: row.kind as Device["kind"],
    label: row.label as string,
    enrolledAt: row.enrolled_at as number,
    revokedAt: (row.revoked_at as number | null) ?? undefined,
  };
}

function certificateOf(row: Row): IssuedCertificate {
  return {
    serial: bytes(row.serial),
    deviceId: row.device_id as number,
    instanceId: bytes(row.instance_id),
    publicKeyHash: bytes(row.public_key_hash),
    runtimeHash: bytes(row.runtime_hash),
    issuedAt: row.issued_at as number,
    notAfter: row.not_after as number,
    certificate: bytes(row.certificate),
  };
}
