import type { IsolateKind } from "../x509/isolate-kind.js";
import type { Judgement, Measured, VersionFloor } from "./measured.js";

/**
 * What the proxy attestation server remembers, behind one interface: `SqliteStore` for one server,
 * `PostgresStore` for several that share a database. All times are milliseconds since 1970.
 */

/** One device, as it was enrolled. */
export interface Device {
  /** 33 bytes. */
  readonly instanceId: Uint8Array;
  /** SubjectPublicKeyInfo (DER) of the key by which it is known: its attestation key, or what certifies that. */
  readonly publicKey: Uint8Array;
  /** 32 bytes: the kind of hardware and root of trust that it is. */
  readonly implementationId: Uint8Array;
  /** 0x3000 where it has proved its key and its manufacturer has endorsed it, else 0x4000. */
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
  /** Its measurement type; left out: that of the trusted runtime. Empty: any, as in lists of an earlier version. */
  readonly component?: string;
  /** 32, 48 or 64 bytes. */
  readonly measurement: Uint8Array;
  readonly description: string;
  readonly allowedAt: number;
}

/** Whoever makes devices, and says which of them are secured. */
export interface Manufacturer {
  /** SubjectPublicKeyInfo (DER) of the P-256 key that signs its endorsements. */
  readonly publicKey: Uint8Array;
  /** 32 bytes: the implementation whose devices it may endorse. */
  readonly implementationId: Uint8Array;
  /** For people. */
  readonly name: string;
  readonly trustedAt: number;
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

/** What the key of an isolate was first certified for: for ever. */
export interface KeyBinding {
  /** SHA-256 of the isolate's SubjectPublicKeyInfo. */
  readonly publicKeyHash: Uint8Array;
  readonly policyHash: Uint8Array;
  readonly scopeHash: Uint8Array;
  /** How many isolates the policy allows: 1 + `max_restarts` of its scope. */
  readonly most: number;
  readonly instanceId: Uint8Array;
  readonly runtimeHash: Uint8Array;
  /** Everything that the device had measured. */
  readonly measurements: readonly Measured[];
}

/** What came of the wish to commit a computation to a key. */
export type CommitOutcome =
  | { readonly outcome: "committed"; readonly n: number }
  /** As many isolates as the policy allows have begun, the first at that time. */
  | { readonly outcome: "exhausted"; readonly beganAt: number }
  | {
      readonly outcome:
        | "key-unknown"
        | "device-revoked"
        | "measurement-not-allowed"
        | "version-below-floor";
    };

/** One line of the append-only log. */
export interface LogEntry {
  readonly sequence: number;
  readonly at: number;
  readonly event: LogEvent;
  /** Public facts about the event. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What the append-only log tells of. */
export type LogEvent =
  | "device-enrolled"
  | "device-raised"
  | "device-revoked"
  | "manufacturer-trusted"
  | "manufacturer-withdrawn"
  | "measurement-allowed"
  | "measurement-withdrawn"
  | "floor-set"
  | "certificate-issued"
  | "computation-committed"
  | "copy-confirmed";

/** Why a certificate was not recorded, and so must not be handed out. */
export type IssueRefusal =
  | "challenge-unknown"
  | "challenge-expired"
  | "challenge-used"
  | "device-unknown"
  | "device-revoked"
  | "measurement-not-allowed"
  | "version-below-floor"
  | "key-bound";

/** What makes a device production grade. */
export interface Evidence {
  /** Of this server, 32 bytes; used up by the enrolment. */
  readonly challenge: Uint8Array;
  /** By which the device proves, over the challenge, that it holds its key (`enrolmentNonce`). */
  readonly token: Uint8Array;
  /** What its manufacturer has signed of it. */
  readonly endorsement: Uint8Array;
}

/** A device as it is put forward to be enrolled. Kind and lifecycle are the server's to decide. */
export interface Application
  extends Pick<Device, "instanceId" | "publicKey" | "implementationId" | "label" | "enrolledAt"> {
  /** Left out: the device is development grade. */
  readonly evidence?: Evidence;
}

/** Why a device was not enrolled. */
export type EnrolRefusal =
  | "instance-known"
  | "key-known"
  | "software"
  | "challenge"
  | "possession"
  | "endorsement";

/** What came of an application; `detail` is for people. */
export type EnrolOutcome =
  | ({ readonly outcome: "enrolled" } & Pick<Device, "kind" | "lifecycle">)
  | { readonly outcome: EnrolRefusal; readonly detail: string };

/**
 * What the service keeps: enrolments, challenges, certificates, measurements and the log. Both
 * databases offer it.
 */
export interface Store {
  /** Whether it is a copy from before, of which nobody has said that it may go on: no server uses it. */
  readonly isUnconfirmedCopy?: boolean;
  /** Records a challenge; false when its device ID is taken, and another must be drawn. */
  addChallenge(challenge: Omit<Challenge, "usedAt">): Promise<boolean>;
  /** Forgets a challenge that was not used; one that was used stays. */
  dropChallenge(deviceId: number): Promise<void>;
  challenge(deviceId: number): Promise<Challenge | undefined>;
  device(instanceId: Uint8Array): Promise<Device | undefined>;
  /** Compares what a device has measured with the measurements and the version floors of its implementation. */
  judge(implementationId: Uint8Array, components: readonly Measured[]): Promise<Judgement>;
  /**
   * Uses up the challenge and records the certificate and a log entry, all or nothing, durably, and
   * only while the challenge is unused and in time, the device not revoked, the measurements
   * allowed and no version below its floor. Of two that use the same challenge at the same time one succeeds. The first certificate for a key
   * binds it: one that says anything else of it is refused for ever ("key-bound").
   */
  issue(certificate: IssuedCertificate, binding: KeyBinding): Promise<"issued" | IssueRefusal>;
  /** What the key with that hash was certified for, and until when. */
  binding(
    publicKeyHash: Uint8Array,
  ): Promise<(KeyBinding & { readonly certifiedUntil: number }) | undefined>;
  /**
   * Commits the computation of the key's policy and scope to it, durably, in one serialisable transaction: while
   * its device is not revoked and what that had measured is allowed, and not below a floor. A key that has it already has it again,
   * with the same number; else it gets the next one, up to as many as the policy allows. Nothing of this is ever
   * forgotten.
   */
  commit(publicKeyHash: Uint8Array, at: number): Promise<CommitOutcome>;
  /** The highest number that was committed for the pair; 0: none. */
  highestCommit(policyHash: Uint8Array, scopeHash: Uint8Array): Promise<number>;
  /** The newest certificate issued under that device ID for that key, expired ones apart. */
  certificateFor(
    deviceId: number,
    publicKeyHash: Uint8Array,
    now: number,
  ): Promise<IssuedCertificate | undefined>;

  /**
   * Enrols a device, as what `decideEnrolment` makes of it, in one transaction: it uses up the challenge of the
   * evidence. No other way leads into the list of devices.
   */
  enrol(application: Application): Promise<EnrolOutcome>;
  revoke(instanceId: Uint8Array, at: number): Promise<"revoked" | "unknown" | "already-revoked">;
  devices(): Promise<Device[]>;
  /** False when it is on the list already. */
  allow(measurement: AllowedMeasurement): Promise<boolean>;
  /** Removes it for whichever component. False when it is not on the list. */
  withdraw(implementationId: Uint8Array, measurement: Uint8Array, at: number): Promise<boolean>;
  measurements(): Promise<AllowedMeasurement[]>;
  /** Sets a floor. It is not lowered, unless that is asked for. */
  setFloor(floor: VersionFloor, lower?: boolean): Promise<"set" | "same" | "lower">;
  floors(): Promise<VersionFloor[]>;
  /** False when it is trusted with that implementation already. */
  trustManufacturer(manufacturer: Manufacturer): Promise<boolean>;
  /** False when it is not. Devices that it has endorsed stay enrolled. */
  distrustManufacturer(
    implementationId: Uint8Array,
    publicKey: Uint8Array,
    at: number,
  ): Promise<boolean>;
  manufacturers(): Promise<Manufacturer[]>;
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

/** Refusals of what is enrolled already, in words; but see `mayBeRaised`. */
export const KNOWN = {
  instance: {
    outcome: "instance-known",
    detail:
      "a device with this instance ID is enrolled already; only one of development grade that is not revoked is enrolled again, as production grade, by its key and on an endorsement",
  },
  key: { outcome: "key-known", detail: "a device with this public key is enrolled already" },
} as const satisfies Record<string, EnrolOutcome>;

const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");

/** Whether two certificates say the same of a key. */
export function isSameBinding(one: KeyBinding, other: KeyBinding): boolean {
  return (
    hex(one.publicKeyHash) === hex(other.publicKeyHash) &&
    hex(one.policyHash) === hex(other.policyHash) &&
    hex(one.scopeHash) === hex(other.scopeHash) &&
    one.most === other.most &&
    hex(one.instanceId) === hex(other.instanceId) &&
    hex(one.runtimeHash) === hex(other.runtimeHash)
  );
}
