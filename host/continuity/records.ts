import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * What a principal remembers of the isolates that it has gone to: for each policy one isolate, unless its owner
 * accepts another. A record is a file `POLICYHASH.N` that holds the isolate's fingerprint. It is made whole or not at
 * all, by linking a file that is synced already to a name that nobody has: of several clients at once one makes it,
 * and the others find it. It is never changed. `POLICYHASH.first` holds number and fingerprint of the first of them, so
 * that clients at once that were led to isolates of different numbers find one another, too. A copy of the folder, or
 * an older state of it, does not protect.
 */

/** Where records are kept unless somebody says otherwise. */
export function defaultRecordsFolder(): string {
  const state = process.env.XDG_STATE_HOME || join(homedir(), ".local", "state");
  return join(state, "veracruz", "computations");
}

/** Which isolate of a policy it is. */
export interface RecordedIsolate {
  /** From 1; each restart has the next number. */
  readonly n: number;
  /** SHA-256 of its key, hexadecimal. */
  readonly fingerprint: string;
}

/** Why a client does not go to an isolate. */
export class OtherIsolate extends Error {
  override name = "OtherIsolate";

  constructor(
    message: string,
    readonly recorded: RecordedIsolate,
  ) {
    super(message);
  }
}

const MAX_RECORD_BYTES = 100;

/** The records of one principal, in a folder. */
export class ComputationRecords {
  /** @param folder made where there is none, for its owner only */
  constructor(readonly folder: string = defaultRecordsFolder()) {}

  /** The isolate with the highest number that was recorded for a policy. */
  latest(policyHash: string): RecordedIsolate | undefined {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const numbers = names.flatMap((name) => {
      const [, hash, n] = /^([0-9a-f]{64})\.(\d{1,4})$/.exec(name) ?? [];
      return hash === policyHash && n !== undefined ? [Number(n)] : [];
    });
    if (numbers.length === 0) return undefined;
    const n = Math.max(...numbers);
    return { n, fingerprint: this.read(policyHash, n) };
  }

  private path(policyHash: string, n: number): string {
    return join(this.folder, `${policyHash}.${n}`);
  }

  private read(policyHash: string, n: number): string {
    const text = readFileSync(this.path(policyHash, n), "latin1").slice(0, MAX_RECORD_BYTES).trim();
    if (!/^[0-9a-f]{64}$/.test(text))
      throw new Error(
        `the record ${JSON.stringify(this.path(policyHash, n))} holds no fingerprint`,
      );
    return text;
  }

  /**
   * Takes an isolate on record before anything is sent to it, read from it, or agreed with it. It is synced when
   * this returns.
   *
   * @param accepted the one restart that the owner accepts: number of the isolate to go to although another one was
   *   recorded before
   * @throws OtherIsolate when it is not the recorded one, nor the accepted one; or an error of the file system
   */
  take(policyHash: string, isolate: RecordedIsolate, accepted?: number): void {
    const latest = this.latest(policyHash);
    this.compare(latest ?? this.first(policyHash, isolate), isolate, accepted);
    if (latest?.n !== isolate.n) this.write(policyHash, isolate);
    // Another client may have written meanwhile: what counts is what is there now.
    this.compare(this.latest(policyHash), isolate, accepted);
  }

  private compare(
    recorded: RecordedIsolate | undefined,
    { n, fingerprint }: RecordedIsolate,
    accepted: number | undefined,
  ): void {
    if (recorded === undefined || (recorded.n === n && recorded.fingerprint === fingerprint))
      return;
    const before = `this computation was begun with isolate ${recorded.n}, ${recorded.fingerprint}`;
    if (n < recorded.n)
      throw new OtherIsolate(`${before}: nothing goes back to isolate ${n}`, recorded);
    if (n === recorded.n)
      throw new OtherIsolate(`${before}; this one claims the same number`, recorded);
    if (n === accepted) return;
    throw new OtherIsolate(
      `${before}; this is isolate ${n}: it has nothing of what that one had, and whoever owns the machine may have brought that about (--accept-restart ${n} begins again with it)`,
      recorded,
    );
  }

  /**
   * The first isolate of a policy: the one given, unless another client was here before, or at the same time.
   *
   * @throws Error where its file holds something else
   */
  protected first(policyHash: string, { n, fingerprint }: RecordedIsolate): RecordedIsolate {
    const name = `${policyHash}.first`;
    this.link(name, `${n} ${fingerprint}`);
    const path = join(this.folder, name);
    const text = readFileSync(path, "latin1").slice(0, MAX_RECORD_BYTES).trim();
    const [, number, other] = /^(\d{1,4}) ([0-9a-f]{64})$/.exec(text) ?? [];
    if (other === undefined)
      throw new Error(`the record ${JSON.stringify(path)} holds no number and fingerprint`);
    return { n: Number(number), fingerprint: other };
  }

  /** Makes a record; where there is one of this number, that one stays. */
  protected write(policyHash: string, { n, fingerprint }: RecordedIsolate): void {
    this.link(`${policyHash}.${n}`, fingerprint);
  }

  /** Makes a file of one line, whole and synced; where there is one of this name, that one stays. */
  private link(name: string, line: string): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const fresh = join(this.folder, `.${name}.${randomBytes(8).toString("hex")}`);
    const file = openSync(fresh, "wx", 0o600);
    try {
      writeSync(file, `${line}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    try {
      linkSync(fresh, join(this.folder, name));
    } catch (error) {
      // Somebody was here before: what is there counts.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      unlinkSync(fresh);
    }
    const folder = openSync(this.folder, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
