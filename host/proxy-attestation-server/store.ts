import type { IsolateKind } from "./certificate.js";

/**
 * What the proxy attestation server remembers, behind one interface: `SqliteStore` for one server,
 * `PostgresStore` for several that share a database. All times are milliseconds since 1970.
 */

/** The endorsement of one device, made when it was provisioned. */
export interface Device {
  /** 33 bytes. */
  readonly instanceId: Uint8Array;
  /** SubjectPublicKeyInfo of its attestation key, DER. */
  readonly publicKey: Uint8Array;
  /** 32 bytes: the kind of hardware and root of trust that it is. */
  readonly implementationId: Uint8Array;
  /** The lifecycle state in which it was provisioned (0x3000 or 0x4000). */
  readonly lifecycle: number;
  readonly kind: IsolateKind;
  /** For people. */
  readonly label: string;
  readonly enrolledAt: number;
  readonly revokedAt: number | undefined;
}

/** A challenge that was given out. */
export interface Challenge {
  /** 31 bits, drawn at random: the name of this attestation. */
  readonly deviceId: number;
  /** 32 bytes. */
  readonly challenge: Uint8Array;
  readonly expiresAt: number;
  readonly usedAt: number | undefined;
}

/** What a kind of device may run. */
export interface AllowedMeasurement {
  /** 32 bytes. */
  readonly implementationId: Uint8Array;
  /** 32, 48 or 64 bytes. */
  readonly measurement: Uint8Array;
  readonly description: string;
  readonly allowedAt: number;
}

/** A certificate that was issued to an isolate. */
export interface IssuedCertificate {
  readonly serial: Uint8Array;
  readonly deviceId: number;
  readonly instanceId: Uint8Array;
  /** SHA-256 of the isolate's SubjectPublicKeyInfo. */
  readonly publicKeyHash: Uint8Array;
  readonly runtimeHash: Uint8Array;
  readonly issuedAt: number;
  readonly notAfter: number;
  /** DER. */
  readonly certificate: Uint8Array;
}

/** One line of the append-only log. */
export interface LogEntry {
  readonly sequence: number;
  readonly at: number;
  readonly event: LogEvent;
  /** Public facts about the event. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export type LogEvent =
  | "device-enrolled"
  | "device-revoked"
  | "measurement-allowed"
  | "measurement-withdrawn"
  | "certificate-issued";

/** Why a certificate was not recorded, and so must not be handed out. */
export type IssueRefusal =
  | "challenge-unknown"
  | "challenge-expired"
  | "challenge-used"
  | "device-unknown"
  | "device-revoked"
  | "measurement-not-allowed";

/** Why a device was not enrolled. */
export type EnrolRefusal = "instance-known" | "key-known" | "kind-differs";

export interface Store {
  /** Records a challenge; false when its device ID is taken, and another must be drawn. */
  addChallenge(challenge: Omit<Challenge, "usedAt">): Promise<boolean>;
  challenge(deviceId: number): Promise<Challenge | undefined>;
  device(instanceId: Uint8Array): Promise<Device | undefined>;
  /** Whether every one of the measurements is allowed for the implementation. */
  areAllowed(implementationId: Uint8Array, measurements: readonly Uint8Array[]): Promise<boolean>;
  /**
   * Uses up the challenge and records the certificate and a log entry, all or nothing, durably, and
   * only while the challenge is unused and in time, the device not revoked and the measurements
   * allowed. Of two that use the same challenge at the same time one succeeds.
   */
  issue(
    certificate: IssuedCertificate,
    measurements: readonly Uint8Array[],
  ): Promise<"issued" | IssueRefusal>;
  /** The newest certificate issued under that device ID for that key, expired ones apart. */
  certificateFor(
    deviceId: number,
    publicKeyHash: Uint8Array,
    now: number,
  ): Promise<IssuedCertificate | undefined>;

  /** Enrols a device. Devices of one implementation are all of one kind. */
  enrol(device: Omit<Device, "revokedAt">): Promise<"enrolled" | EnrolRefusal>;
  revoke(instanceId: Uint8Array, at: number): Promise<"revoked" | "unknown" | "already-revoked">;
  devices(): Promise<Device[]>;
  /** False when it is on the list already. */
  allow(measurement: AllowedMeasurement): Promise<boolean>;
  /** False when it is not on the list. */
  withdraw(implementationId: Uint8Array, measurement: Uint8Array, at: number): Promise<boolean>;
  measurements(): Promise<AllowedMeasurement[]>;
  /** The newest certificates first. */
  certificates(limit: number): Promise<IssuedCertificate[]>;
  /** The newest entries, in order. */
  log(limit: number): Promise<LogEntry[]>;

  /** Forgets challenges that expired before that time. */
  purgeChallenges(before: number): Promise<number>;
  /** Throws when the storage does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
