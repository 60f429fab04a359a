import { randomBytes } from "node:crypto";
import type { Policy } from "../veracruz-utils/policy.js";
import { presentNonce } from "./admission.js";
import { Computation } from "./computation.js";
import type { IsolateSource } from "./isolate-source.js";
import type { SupervisorEnd } from "./isolate-supervisor.js";
import type { Registry } from "./registry.js";
import type { ServerSettings } from "./settings.js";

/** Why a computation cannot be held, or have an isolate now: said in one line. */
export class ComputationRefused extends Error {
  override name = "ComputationRefused";
}

/** Computations that are over and are remembered, so that their parties are told why. */
const MAX_REMEMBERED = 1_000;
/** Milliseconds for which an isolate that nobody uses is left alone although others wait for its place. */
const GRACE_MS = 10_000;
/** Milliseconds between two tries to start an isolate that could not be started. */
const RETRY_MS = 5_000;

/** How a computation is added. */
export interface AddOptions {
  /** Start its isolate now, and not when somebody asks for it. */
  start?: boolean;
  /** It is meant by requests that name none. */
  isDefault?: boolean;
  /** Where its isolate comes from; default: where those of all others do. */
  isolates?: IsolateSource;
}

interface Held {
  readonly computation: Computation;
  readonly source: IsolateSource;
  /** When its isolate failed last (`performance.now()`). */
  failedAt: number;
  /** The last of what is done for it together with the registry, one after the other: see `inTurn`. */
  turn: Promise<unknown>;
  /** Why its operator has ended it, once that is so. */
  takenAway?: string;
}

/** All computations of a server, within its bounds. */
export class Computations {
  /** What those have counted that are over, and how they ended. */
  readonly past = { principals: 0, strangers: 0, restarts: 0, ended: 0, failed: 0, stopped: 0 };
  /** Told of each that is over, with how it came. */
  onOver: (computation: Computation, end: SupervisorEnd) => void = () => undefined;

  private byDefault: Computation | undefined;
  private readonly held = new Map<string, Held>();
  private readonly remembered = new Map<string, string>();
  private readonly secret = randomBytes(32);
  private closing = false;

  constructor(private readonly settings: ServerSettings) {}

  /** Those that are not over. */
  get all(): readonly Computation[] {
    return [...this.held.values()].map(({ computation }) => computation);
  }

  /** The one that is meant by requests that name none: the default one, or the only one. */
  get unnamed(): Computation | undefined {
    return this.byDefault ?? (this.held.size === 1 ? this.all[0] : undefined);
  }

  /** By the hash of its policy, hexadecimal. */
  find(hash: string): Computation | undefined {
    if (this.byDefault?.hash === hash) return this.byDefault;
    return this.held.get(hash)?.computation;
  }

  /** Why a computation that was held here is over; undefined where none is known to be. */
  whyOver(hash: string): string | undefined {
    return this.remembered.get(hash);
  }

  /** The nonce that a request signed now has to cover, whichever computation it is for. */
  get nonce(): string {
    return presentNonce(this.secret);
  }

  /**
   * Takes a computation.
   *
   * @throws ComputationRefused
   */
  add(policy: Policy, options: AddOptions = {}): Computation {
    const { maxComputations, maxIsolateMemory } = this.settings;
    const { start = false, isDefault = false, isolates: source = this.settings.isolates } = options;
    const hash = policy.hash.toString("hex");
    if (this.closing) throw new ComputationRefused("the server stops");
    if (this.held.has(hash)) throw new ComputationRefused("this computation is here already");
    if (source === undefined)
      throw new ComputationRefused("this server has no isolates for further computations");
    if (this.held.size >= maxComputations)
      throw new ComputationRefused(`the server has ${maxComputations} computations already`);
    const memory = source.memoryFor(policy);
    if (memory > maxIsolateMemory)
      throw new ComputationRefused(
        `its isolate may take ${memory} bytes, all isolates of the server together ${maxIsolateMemory}`,
      );
    const computation = new Computation(policy, this.settings, !start, this.secret);
    const held: Held = {
      computation,
      source,
      failedAt: Number.NEGATIVE_INFINITY,
      turn: Promise.resolve(),
    };
    if (start) {
      const problem = this.start(held);
      if (problem !== undefined) throw new ComputationRefused(problem);
    }
    this.held.set(hash, held);
    this.remembered.delete(hash);
    if (isDefault) this.byDefault = computation;
    // From now on other servers send its parties here, unless they have the policy themselves, or somebody runs it.
    this.tellRegistry(held, (registry) => (start ? registry.claim(hash) : registry.hold(hash)));
    return computation;
  }

  /**
   * Sees to it that a computation has an isolate that is ready, where it is started on demand; settles when that has
   * come, or will not come now. `bridge.unavailable` then says why.
   *
   * @param admitted whether a principal asks: for strangers no other isolate gives way
   */
  async wake(computation: Computation, admitted: boolean): Promise<void> {
    computation.lastUsed = performance.now();
    const held = this.held.get(computation.hash);
    if (held?.computation !== computation || !computation.onDemand) return;
    const rests = performance.now() - held.failedAt < RETRY_MS;
    if (computation.mayStart && !rests && !this.closing) {
      const problem = await this.inTurn(held, () => this.begin(held, admitted));
      if (problem !== undefined) computation.bridge.unavailable = problem;
    }
    // One that was lost and starts again is not waited for: its parties have to know of it.
    if (computation.supervisor?.status === "starting")
      await computation.supervisor.ready().catch(() => undefined);
  }

  /**
   * Does something for a computation that the registry has a part in, after all of that kind that came before: what is
   * asked later must not overtake what was asked first.
   */
  private inTurn<T>(held: Held, run: () => Promise<T>): Promise<T> {
    const done = held.turn.then(run);
    held.turn = done.catch(() => undefined);
    return done;
  }

  /** Starts an isolate, where this server is the one of those that share a registry that may; says why not, if not. */
  private async begin(held: Held, admitted: boolean): Promise<string | undefined> {
    const { computation } = held;
    const { registry } = this.settings;
    if (!computation.mayStart) return undefined;
    if (registry === undefined) return this.tryStart(held, admitted);
    try {
      if (!(await registry.claim(computation.hash)))
        return "another server has taken this computation: come again";
      const problem = await this.tryStart(held, admitted);
      if (problem !== undefined) await registry.release(computation.hash);
      return problem;
    } catch (error) {
      return `the registry of the servers cannot be reached: ${(error as Error).message}`;
    }
  }

  private async tryStart(held: Held, admitted: boolean): Promise<string | undefined> {
    // The registry, or another isolate's end, was waited for.
    if (this.closing) return "the server stops";
    const problem = this.start(held);
    if (problem === undefined) return undefined;
    if (admitted && (await this.makeWay())) return this.tryStart(held, false);
    return problem;
  }

  /** Tells the other servers; what cannot be said now is said by this server's silence, or when the isolate starts. */
  private tellRegistry(held: Held, tell: (registry: Registry) => Promise<unknown>): void {
    const { registry, logger } = this.settings;
    if (registry === undefined) return;
    const { hash } = held.computation;
    this.inTurn(held, () => tell(registry)).catch((error: Error) =>
      logger.error({ computation: hash, reason: error.message }, "registry not told"),
    );
  }

  /** Starts an isolate within the bounds; says why not, if not. */
  private start(held: Held): string | undefined {
    const { computation, source } = held;
    const { maxIsolates, maxIsolateMemory } = this.settings;
    if (computation.supervisor !== undefined) return undefined;
    const running = this.all.filter(({ supervisor }) => supervisor !== undefined);
    const memory = running.reduce((sum, each) => sum + each.memory, 0);
    if (running.length >= maxIsolates)
      return `the server runs ${maxIsolates} isolates, and may run no more: come again later`;
    if (memory + source.memoryFor(computation.policy) > maxIsolateMemory)
      return "the server has no memory for another isolate now: come again later";
    const lease = source.take(computation.policy);
    if (lease === undefined) return "every isolate of the server is taken: come again later";
    void computation.start(lease).then((end) => this.settle(held, end));
    return undefined;
  }

  /** Has the isolate go that nobody has used for longest, and that holds nothing; false where there is none. */
  private async makeWay(): Promise<boolean> {
    const now = performance.now();
    const [victim] = this.all
      .filter((each) => each.onDemand && each.mayGiveWay && now - each.lastUsed > GRACE_MS)
      .sort((a, b) => a.lastUsed - b.lastUsed);
    await victim?.giveWay();
    return victim !== undefined;
  }

  /** An isolate has come to its end. */
  private settle(held: Held, end: SupervisorEnd): void {
    const { computation } = held;
    const { hash } = computation;
    const gaveWay = computation.end === undefined;
    if (gaveWay || computation.mayStart) {
      if (!gaveWay) held.failedAt = performance.now();
      // Another server may have a place for it.
      this.tellRegistry(held, (registry) => registry.release(hash));
      return;
    }
    this.past[end.status]++;
    // That its isolate was stopped is not why.
    const reason = held.takenAway ?? end.reason;
    // When the server stops, its silence says what becomes of its computations.
    if (!this.closing) this.tellRegistry(held, (registry) => registry.finish(hash, reason));
    this.forget(held, reason);
    this.onOver(computation, end);
  }

  private forget(held: Held, reason: string): void {
    const { computation } = held;
    const { hash, bridge } = computation;
    if (!this.closing) this.tellRegistry(held, (registry) => registry.drop(hash));
    this.past.principals += bridge.openedEver.principals;
    this.past.strangers += bridge.openedEver.strangers;
    this.past.restarts += computation.restarts;
    this.held.delete(hash);
    this.remembered.set(hash, reason);
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > MAX_REMEMBERED) this.remembered.delete(oldest as string);
    void computation.close();
  }

  /** Ends a computation, with its isolate; false where there is no such one. */
  async remove(hash: string, reason: string): Promise<boolean> {
    const held = this.held.get(hash);
    if (held === undefined) return false;
    held.takenAway = reason;
    await held.computation.close();
    if (this.held.get(hash) === held) {
      this.past.stopped++;
      this.forget(held, reason);
    }
    this.remembered.set(hash, reason);
    return true;
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    this.closing = true;
    await Promise.all(this.all.map((each) => each.close()));
  }
}
