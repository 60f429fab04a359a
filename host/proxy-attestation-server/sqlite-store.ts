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
import { isUnconfirmedCopy } from "./restored-copy.js";
import { SqliteDatabase, type SqliteRow, type SqliteStatement } from "./sqlite-database.js";
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
  `
  CREATE TABLE keys (
    public_key_hash BLOB PRIMARY KEY CHECK (length(public_key_hash) = 32),
    policy_hash     BLOB NOT NULL CHECK (length(policy_hash) = 32),
    scope_hash      BLOB NOT NULL CHECK (length(scope_hash) = 32),
    most            INTEGER NOT NULL CHECK (most >= 1),
    instance_id     BLOB NOT NULL REFERENCES devices (instance_id),
    runtime_hash    BLOB NOT NULL,
    measurements    TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER keys_are_never_changed BEFORE UPDATE ON keys
    BEGIN SELECT RAISE(ABORT, 'a key is bound for ever'); END;
  CREATE TRIGGER keys_are_never_forgotten BEFORE DELETE ON keys
    BEGIN SELECT RAISE(ABORT, 'a key is bound for ever'); END;

  CREATE TABLE commits (
    policy_hash     BLOB NOT NULL,
    scope_hash      BLOB NOT NULL,
    n               INTEGER NOT NULL CHECK (n >= 1),
    public_key_hash BLOB NOT NULL UNIQUE REFERENCES keys (public_key_hash),
    committed_at    INTEGER NOT NULL,
    UNIQUE (policy_hash, scope_hash, n)
  ) STRICT;
  CREATE TRIGGER commits_are_never_changed BEFORE UPDATE ON commits
    BEGIN SELECT RAISE(ABORT, 'a commit is for ever'); END;
  CREATE TRIGGER commits_are_never_forgotten BEFORE DELETE ON commits
    BEGIN SELECT RAISE(ABORT, 'a commit is for ever'); END;
  CREATE INDEX certificates_by_key ON certificates (public_key_hash);
  `,
  `
  CREATE TABLE manufacturers (
    implementation_id BLOB NOT NULL CHECK (length(implementation_id) = 32),
    public_key        BLOB NOT NULL,
    name              TEXT NOT NULL,
    trusted_at        INTEGER NOT NULL,
    PRIMARY KEY (implementation_id, public_key)
  ) STRICT, WITHOUT ROWID;
  `,
  // What was allowed before components were told apart is allowed for any: component ''.
  `
  ALTER TABLE measurements RENAME TO former_measurements;
  CREATE TABLE measurements (
    implementation_id BLOB NOT NULL CHECK (length(implementation_id) = 32),
    component         TEXT NOT NULL,
    measurement       BLOB NOT NULL CHECK (length(measurement) IN (32, 48, 64)),
    description       TEXT NOT NULL,
    allowed_at        INTEGER NOT NULL,
    PRIMARY KEY (implementation_id, measurement, component)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO measurements
    SELECT implementation_id, '', measurement, description, allowed_at FROM former_measurements;
  DROP TABLE former_measurements;
  CREATE INDEX measurements_by_component ON measurements (implementation_id, component);

  CREATE TABLE floors (
    implementation_id BLOB NOT NULL CHECK (length(implementation_id) = 32),
    component         TEXT NOT NULL CHECK (component <> ''),
    version           TEXT NOT NULL,
    set_at            INTEGER NOT NULL,
    PRIMARY KEY (implementation_id, component)
  ) STRICT, WITHOUT ROWID;
  `,
];

interface Job {
  run(): unknown;
  /** Whether it is to survive a power cut once its caller was told, not only the end of the process. */
  readonly durable: boolean;
  done(value: unknown): void;
  fail(error: unknown): void;
}

const bytes = (value: unknown) => new Uint8Array(value as Uint8Array);
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");

/**
 * The store in one SQLite file, with a write-ahead log. What a caller was told is on disk: the commit is
 * synced before. New challenges alone are not synced: the end of the process leaves them, a power cut
 * may not, and then they are refused as unknown, which costs one more try. Writes that arrive together
 * share one transaction, and so one sync.
 */
export class SqliteStore implements Store {
  private queue: Job[] = [];
  private syncing = true;

  /**
   * Takes over an open database and brings its schema up to date.
   *
   * @throws when the database was made by a newer version
   */
  constructor(private readonly db: SqliteDatabase) {
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    this.migrate();
  }

  /** Opens the file, or makes it, readable by its owner only. */
  static open(path: string): SqliteStore {
    const mask = process.umask(0o077);
    try {
      return new SqliteStore(new SqliteDatabase(path));
    } finally {
      process.umask(mask);
    }
  }

  /** Whether this is a copy by `vc-pas backup` that nobody has confirmed. */
  get isUnconfirmedCopy(): boolean {
    return isUnconfirmedCopy(this.db);
  }

  private migrate(): void {
    this.db.transaction("exclusive", () => {
      const version = this.db.pragma("user_version") as number;
      if (version > MIGRATIONS.length)
        throw new Error(
          `the database has version ${version} of the schema, this program knows ${MIGRATIONS.length}`,
        );
      for (let i = version; i < MIGRATIONS.length; i++) {
        this.db.exec(MIGRATIONS[i] as string);
        this.db.pragma(`user_version = ${i + 1}`);
      }
    });
  }

  private prepare(sql: string): SqliteStatement {
    return this.db.prepare(sql);
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
      this.db.transaction("immediate", () => {
        for (const job of jobs) {
          try {
            // A failing job undoes its own changes only. What is not durable is one statement, and
            // needs no savepoint.
            const value = job.durable ? this.db.savepoint(job.run) : job.run();
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
      const changes = this.prepare(
        "INSERT INTO challenges (device_id, challenge, expires_at) VALUES (?, ?, ?) ON CONFLICT (device_id) DO NOTHING",
      ).run(challenge.deviceId, challenge.challenge, challenge.expiresAt);
      return changes === 1;
    }, false);
  }

  dropChallenge(deviceId: number): Promise<void> {
    return this.write(() => {
      this.prepare("DELETE FROM challenges WHERE device_id = ? AND used_at IS NULL").run(deviceId);
    }, false);
  }

  async challenge(deviceId: number): Promise<Challenge | undefined> {
    return this.readChallenge(deviceId);
  }

  private readChallenge(deviceId: number): Challenge | undefined {
    const row = this.prepare("SELECT * FROM challenges WHERE device_id = ?").get(deviceId);
    return row && challengeOf(row);
  }

  async device(instanceId: Uint8Array): Promise<Device | undefined> {
    return this.readDevice(instanceId);
  }

  private readDevice(instanceId: Uint8Array): Device | undefined {
    const row = this.prepare("SELECT * FROM devices WHERE instance_id = ?").get(instanceId);
    return row && deviceOf(row);
  }

  async judge(implementationId: Uint8Array, components: readonly Measured[]) {
    return this.judgeNow(implementationId, components);
  }

  private judgeNow(implementationId: Uint8Array, components: readonly Measured[]): Judgement {
    const listed = this.prepare(
      "SELECT 1 FROM measurements WHERE implementation_id = ? AND measurement = ? AND (component = ? OR component = '' OR ? = '')",
    );
    const any = this.prepare(
      "SELECT 1 FROM measurements WHERE implementation_id = ? AND component = ? LIMIT 1",
    );
    const told: string[] = [];
    for (const { component, measurement } of components) {
      if (listed.get(implementationId, measurement, component, component) !== undefined) continue;
      if (component !== OUTSIDE_COMPONENT || any.get(implementationId, component) !== undefined)
        return { outcome: "measurement-not-allowed" };
      told.push(component);
    }
    const floors = this.prepare(
      "SELECT version FROM floors WHERE implementation_id = ? AND component = ?",
    );
    for (const { component, version } of components) {
      const floor = floors.get(implementationId, component);
      if (floor !== undefined && versionOrder(version) < versionOrder(floor.version as string))
        return { outcome: "version-below-floor" };
    }
    return { outcome: "allowed", told };
  }

  issue(certificate: IssuedCertificate, binding: KeyBinding) {
    return this.write(() => this.issueNow(certificate, binding));
  }

  private issueNow(certificate: IssuedCertificate, binding: KeyBinding): "issued" | IssueRefusal {
    const { deviceId, instanceId, issuedAt } = certificate;
    const challenge = this.readChallenge(deviceId);
    if (challenge === undefined) return "challenge-unknown";
    if (challenge.usedAt !== undefined) return "challenge-used";
    if (challenge.expiresAt < issuedAt) return "challenge-expired";
    const device = this.readDevice(instanceId);
    if (device === undefined) return "device-unknown";
    if (device.revokedAt !== undefined) return "device-revoked";
    const { outcome } = this.judgeNow(device.implementationId, binding.measurements);
    if (outcome !== "allowed") return outcome;
    const bound = this.readBinding(binding.publicKeyHash);
    if (bound === undefined) this.bind(binding);
    else if (!isSameBinding(bound, binding)) return "key-bound";
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

  private bind(binding: KeyBinding): void {
    this.prepare(
      "INSERT INTO keys (public_key_hash, policy_hash, scope_hash, most, instance_id, runtime_hash, measurements) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ).run(
      binding.publicKeyHash,
      binding.policyHash,
      binding.scopeHash,
      binding.most,
      binding.instanceId,
      binding.runtimeHash,
      encodeMeasured(binding.measurements),
    );
  }

  private readBinding(publicKeyHash: Uint8Array): KeyBinding | undefined {
    const row = this.prepare("SELECT * FROM keys WHERE public_key_hash = ?").get(publicKeyHash);
    return (
      row && {
        publicKeyHash: bytes(row.public_key_hash),
        policyHash: bytes(row.policy_hash),
        scopeHash: bytes(row.scope_hash),
        most: row.most as number,
        instanceId: bytes(row.instance_id),
        runtimeHash: bytes(row.runtime_hash),
        measurements: decodeMeasured(row.measurements as string),
      }
    );
  }

  async binding(publicKeyHash: Uint8Array) {
    const bound = this.readBinding(publicKeyHash);
    const row = this.prepare(
      "SELECT max(not_after) AS until FROM certificates WHERE public_key_hash = ?",
    ).get(publicKeyHash);
    return bound && { ...bound, certifiedUntil: (row?.until as number | null) ?? 0 };
  }

  /** The transaction takes the lock of the one writer first: nothing comes between reading and inserting. */
  commit(publicKeyHash: Uint8Array, at: number): Promise<CommitOutcome> {
    return this.write(() => this.commitNow(publicKeyHash, at));
  }

  private commitNow(publicKeyHash: Uint8Array, at: number): CommitOutcome {
    const bound = this.readBinding(publicKeyHash);
    const device = bound && this.readDevice(bound.instanceId);
    if (bound === undefined || device === undefined) return { outcome: "key-unknown" };
    if (device.revokedAt !== undefined) return { outcome: "device-revoked" };
    const { outcome } = this.judgeNow(device.implementationId, bound.measurements);
    if (outcome !== "allowed") return { outcome };
    const own = this.prepare("SELECT n FROM commits WHERE public_key_hash = ?").get(publicKeyHash);
    if (own !== undefined) return { outcome: "committed", n: own.n as number };
    const before = this.prepare(
      "SELECT coalesce(max(n), 0) AS highest, min(committed_at) AS began FROM commits WHERE policy_hash = ? AND scope_hash = ?",
    ).get(bound.policyHash, bound.scopeHash);
    const n = (before?.highest as number) + 1;
    if (n > bound.most) return { outcome: "exhausted", beganAt: before?.began as number };
    this.prepare(
      "INSERT INTO commits (policy_hash, scope_hash, n, public_key_hash, committed_at) VALUES (?, ?, ?, ?, ?)",
    ).run(bound.policyHash, bound.scopeHash, n, publicKeyHash, at);
    this.append(at, "computation-committed", {
      policyHash: hex(bound.policyHash),
      scopeHash: hex(bound.scopeHash),
      n,
      of: bound.most,
      publicKeyHash: hex(publicKeyHash),
      instanceId: hex(bound.instanceId),
    });
    return { outcome: "committed", n };
  }

  async highestCommit(policyHash: Uint8Array, scopeHash: Uint8Array): Promise<number> {
    const row = this.prepare(
      "SELECT coalesce(max(n), 0) AS highest FROM commits WHERE policy_hash = ? AND scope_hash = ?",
    ).get(policyHash, scopeHash);
    return row?.highest as number;
  }

  async certificateFor(deviceId: number, publicKeyHash: Uint8Array, now: number) {
    const row = this.prepare(
      "SELECT * FROM certificates WHERE device_id = ? AND public_key_hash = ? AND not_after >= ? ORDER BY issued_at DESC LIMIT 1",
    ).get(deviceId, publicKeyHash, now);
    return row && certificateOf(row);
  }

  enrol(application: Application): Promise<EnrolOutcome> {
    return this.write(() => this.enrolNow(application));
  }

  private enrolNow(application: Application): EnrolOutcome {
    const { instanceId, publicKey, implementationId, label, enrolledAt, evidence } = application;
    const before = this.readDevice(instanceId);
    if (before === undefined) {
      const known = this.prepare("SELECT 1 FROM devices WHERE public_key = ?").get(publicKey);
      if (known) return KNOWN.key;
    } else if (!mayBeRaised(before, application)) return KNOWN.instance;
    const row =
      evidence &&
      this.prepare("SELECT * FROM challenges WHERE challenge = ?").get(evidence.challenge);
    const challenge = row && challengeOf(row);
    const trusted = this.prepare("SELECT * FROM manufacturers WHERE implementation_id = ?");
    const makers = trusted.all(implementationId).map(manufacturerOf);
    const decision = decideEnrolment(application, challenge, makers);
    if (!decision.ok) return { outcome: decision.rule, detail: decision.detail };
    const { kind, lifecycle, endorser } = decision;
    if (challenge !== undefined)
      this.prepare("UPDATE challenges SET used_at = ? WHERE device_id = ?").run(
        enrolledAt,
        challenge.deviceId,
      );
    if (before === undefined)
      this.prepare(
        "INSERT INTO devices (instance_id, public_key, implementation_id, lifecycle, kind, label, enrolled_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ).run(instanceId, publicKey, implementationId, lifecycle, kind, label, enrolledAt);
    else
      this.prepare("UPDATE devices SET lifecycle = ? WHERE instance_id = ?").run(
        lifecycle,
        instanceId,
      );
    this.append(enrolledAt, before === undefined ? "device-enrolled" : "device-raised", {
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
    return rows.map(deviceOf);
  }

  allow(measurement: AllowedMeasurement): Promise<boolean> {
    const { component = RUNTIME_COMPONENT } = measurement;
    return this.write(() => {
      const changes = this.prepare(
        "INSERT INTO measurements (implementation_id, component, measurement, description, allowed_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ).run(
        measurement.implementationId,
        component,
        measurement.measurement,
        measurement.description,
        measurement.allowedAt,
      );
      if (changes === 0) return false;
      this.append(measurement.allowedAt, "measurement-allowed", {
        implementationId: hex(measurement.implementationId),
        component,
        measurement: hex(measurement.measurement),
        description: measurement.description,
      });
      return true;
    });
  }

  withdraw(implementationId: Uint8Array, measurement: Uint8Array, at: number): Promise<boolean> {
    return this.write(() => {
      const changes = this.prepare(
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
    const rows = this.prepare("SELECT * FROM measurements ORDER BY allowed_at").all();
    return rows.map((row) => ({
      implementationId: bytes(row.implementation_id),
      component: row.component as string,
      measurement: bytes(row.measurement),
      description: row.description as string,
      allowedAt: row.allowed_at as number,
    }));
  }

  setFloor(floor: VersionFloor, lower = false): Promise<"set" | "same" | "lower"> {
    const { implementationId, component, version, setAt } = floor;
    return this.write(() => {
      const row = this.prepare(
        "SELECT version FROM floors WHERE implementation_id = ? AND component = ?",
      ).get(implementationId, component);
      const before = row && versionOrder(row.version as string);
      if (before === versionOrder(version)) return "same";
      if (before !== undefined && versionOrder(version) < before && !lower) return "lower";
      this.prepare(
        "INSERT INTO floors (implementation_id, component, version, set_at) VALUES (?, ?, ?, ?) ON CONFLICT (implementation_id, component) DO UPDATE SET version = excluded.version, set_at = excluded.set_at",
      ).run(implementationId, component, version, setAt);
      this.append(setAt, "floor-set", {
        implementationId: hex(implementationId),
        component,
        version,
      });
      return "set";
    });
  }

  async floors(): Promise<VersionFloor[]> {
    const rows = this.prepare("SELECT * FROM floors ORDER BY set_at, component").all();
    return rows.map((row) => ({
      implementationId: bytes(row.implementation_id),
      component: row.component as string,
      version: row.version as string,
      setAt: row.set_at as number,
    }));
  }

  trustManufacturer(manufacturer: Manufacturer): Promise<boolean> {
    const { implementationId, publicKey, name, trustedAt } = manufacturer;
    return this.write(() => {
      const changes = this.prepare(
        "INSERT INTO manufacturers (implementation_id, public_key, name, trusted_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ).run(implementationId, publicKey, name, trustedAt);
      if (changes === 0) return false;
      this.append(trustedAt, "manufacturer-trusted", {
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
    return this.write(() => {
      const changes = this.prepare(
        "DELETE FROM manufacturers WHERE implementation_id = ? AND public_key = ?",
      ).run(implementationId, publicKey);
      if (changes === 0) return false;
      this.append(at, "manufacturer-withdrawn", {
        implementationId: hex(implementationId),
        publicKey: hex(publicKey),
      });
      return true;
    });
  }

  async manufacturers(): Promise<Manufacturer[]> {
    const rows = this.prepare("SELECT * FROM manufacturers ORDER BY trusted_at").all();
    return rows.map(manufacturerOf);
  }

  async certificates(limit: number): Promise<IssuedCertificate[]> {
    const rows = this.prepare("SELECT * FROM certificates ORDER BY issued_at DESC LIMIT ?");
    return rows.all(limit).map(certificateOf);
  }

  async log(limit: number): Promise<LogEntry[]> {
    const rows = this.prepare("SELECT * FROM log ORDER BY sequence DESC LIMIT ?").all(limit);
    return rows.reverse().map((row) => ({
      sequence: row.sequence as number,
      at: row.at as number,
      event: row.event as LogEvent,
      detail: JSON.parse(row.detail as string),
    }));
  }

  purgeChallenges(before: number): Promise<number> {
    return this.write(() =>
      this.prepare("DELETE FROM challenges WHERE expires_at < ?").run(before),
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

function deviceOf(row: SqliteRow): Device {
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

function challengeOf(row: SqliteRow): Challenge {
  return {
    deviceId: row.device_id as number,
    challenge: bytes(row.challenge),
    expiresAt: row.expires_at as number,
    usedAt: (row.used_at as number | null) ?? undefined,
  };
}

function manufacturerOf(row: SqliteRow): Manufacturer {
  return {
    implementationId: bytes(row.implementation_id),
    publicKey: bytes(row.public_key),
    name: row.name as string,
    trustedAt: row.trusted_at as number,
  };
}

function certificateOf(row: SqliteRow): IssuedCertificate {
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
