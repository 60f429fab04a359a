// Random schedules around one computation with real processes (`process-deployment.ts`), each of which is killed and
// started again, also while clients are at work. A seed says what a schedule does; where exactly a kill strikes depends
// on the machine as well. `npm run bench:schedules -- --processes 20` runs twenty.
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ComputationRecords } from "../../host/continuity/records.js";
import { type ConnectOptions, VeracruzClient } from "../../host/veracruz-client/client.js";
import { ClientError, type FailureKind } from "../../host/veracruz-client/errors.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import type { Policy } from "../../host/veracruz-utils/policy.js";
import { COMPARE, COMPARE_AND_FAIL } from "../support/guess-programs.js";
import { Random } from "../support/random.js";
import { principal } from "../support/system.js";
import { type Brought, drawComputation, Ledger, type Most, SECRET } from "./drawn-computation.js";
import { ProcessDeployment, type ServerProcess, type Which } from "./process-deployment.js";

/** A kill strikes up to so many milliseconds after a visit begins: visits take about as long. */
const STRIKES_WITHIN_MS = 150;
/** For how long an honest computation is tried; only bounds a hang. */
const PATIENCE_MS = 300_000;

/** What a kill, a restart or a limit may bring a client; anything else ends the run. */
const expected: readonly FailureKind[] = [
  ...(["connection", "not-ready", "restart", "program"] as const),
  ...(["return-code", "request", "round"] as const),
];

/** What a schedule brought: results are counted by isolate and round. */
interface ProcessOutcome extends Brought {
  /** The highest number in the attestation server's database. */
  readonly committed: number;
  /** Processes that were killed. */
  readonly kills: number;
}

/** What became of a computation of honest parties. */
export interface HonestOutcome {
  /** Isolates that were killed when the computation may have been committed to them; at most `max_restarts`. */
  readonly lost: number;
  readonly kills: number;
  /** Whether the reader got the right result. */
  readonly ended: boolean;
}

/**
 * Runs the schedules of seeds; each outcome that breaks a limit is one line of `broken`.
 *
 * @param options.forked a weakness: two databases (`ProcessDeployment.open`); honest parties are left out then
 */
export async function runProcessSchedules(
  seeds: readonly number[],
  { forked = false, onSchedule = (_seed: number) => {} } = {},
) {
  const deployment = await ProcessDeployment.open(forked);
  const ledger = new Ledger();
  let [kills, lost, ended] = [0, 0, 0];
  try {
    for (const seed of seeds) {
      const outcome = await within(new Schedule(deployment, new Random(seed)), (s) => s.attack());
      ledger.add(seed, outcome, outcome.committed <= outcome.most.isolates);
      kills += outcome.kills;
      if (forked) continue;
      const honest = await within(new Schedule(deployment, new Random(-seed)), (s) => s.honest());
      if (!honest.ended) ledger.broken.push(`seed ${seed}, honest: ${JSON.stringify(honest)}`);
      kills += honest.kills;
      lost += honest.lost;
      ended += Number(honest.ended);
      onSchedule(seed);
    }
    return { ...ledger, kills, lost, ended, database: deployment.database };
  } finally {
    await deployment.close();
  }
}

async function within<T>(schedule: Schedule, run: (schedule: Schedule) => Promise<T>): Promise<T> {
  try {
    return await run(schedule);
  } finally {
    await schedule.stop();
  }
}

/** Whether it succeeded; failures that kills and limits explain are none of this test. */
async function attempt(run: () => Promise<unknown>): Promise<ClientError | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (error instanceof ClientError && expected.includes(error.kind)) return error;
    throw error;
  }
}

/** Waits for the end of all, also where one fails: nothing is started any more when a schedule stops. */
async function allOf(all: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(all))
    if (outcome.status === "rejected") throw outcome.reason;
}

class Schedule {
  private readonly policy: Policy;
  private readonly most: Most;
  private readonly servers: (ServerProcess | undefined)[] = [];
  private readonly accepted = new Set<string>();
  private readonly results = new Set<string>();
  private readonly victimSentTo = new Set<string>();
  private readonly agreedTo = new Set<string>();
  private codes = 0;
  private starts = 0;
  private refused = 0;
  private kills = 0;

  constructor(
    private readonly deployment: ProcessDeployment,
    private readonly random: Random,
  ) {
    const { policy, most } = drawComputation(random, {
      victim: principal("victim"),
      mallory: principal("mallory"),
      caPem: deployment.caPem,
      attestation: deployment.replicaAddress(0),
      runtimeHash: deployment.runtimeHash,
    });
    this.policy = policy;
    this.most = most;
  }

  /** Draws of something that runs beside others: the same for a seed, whoever comes first. */
  private branch(): Random {
    return new Random(this.random.next());
  }

  /** The server in front of a device: started, and again where it has ended. */
  private server(which: Which): ServerProcess {
    const running = this.servers[which];
    if (running !== undefined && !running.isOver) return running;
    const started = this.deployment.startServer(this.policy, which, (this.starts++ % 2) as Which);
    this.servers[which] = started;
    return started;
  }

  private async killServer(which: Which): Promise<void> {
    const running = this.servers[which];
    if (running === undefined || running.isOver) return;
    this.kills++;
    await running.kill();
  }

  private killIsolate(which: Which): void {
    if (this.servers[which]?.killIsolate()) this.kills++;
  }

  private async killReplica(which: Which): Promise<void> {
    this.kills++;
    await this.deployment.restartReplica(which);
  }

  /** Kills one of the six processes. */
  private async killOne(random: Random): Promise<void> {
    const which = random.below(2) as Which;
    const what = random.below(3);
    if (what === 0) await this.killServer(which);
    else if (what === 1) this.killIsolate(which);
    else await this.killReplica(which);
  }

  /** What somebody does, with a kill in the midst of it or none. */
  private async disturbed(
    visit: Promise<unknown>,
    kill: (random: Random) => Promise<void>,
  ): Promise<void> {
    const random = this.branch();
    const after = random.below(STRIKES_WITHIN_MS);
    await allOf([visit, delay(after).then(() => kill(random))]);
  }

  /** A session of somebody at a server, as its client opens it; closed at the end. */
  private async visit(
    which: Which,
    name: string,
    options: Pick<ConnectOptions, "records" | "acceptRestart">,
    use: (client: VeracruzClient) => Promise<void>,
  ): Promise<ClientError | undefined> {
    const server = await this.server(which).ready();
    if (server === undefined) return new ClientError("connection", "the server has ended");
    const { pem, keyPem } = principal(name);
    const identity = loadIdentity(Buffer.from(pem), keyPem);
    return attempt(async () => {
      const { policy } = this;
      const timeoutMs = PATIENCE_MS;
      const client = await VeracruzClient.connect({
        policy,
        identity,
        server,
        timeoutMs,
        ...options,
      });
      try {
        await use(client);
      } finally {
        await client.close();
      }
    });
  }

  private recordsOf(name: string): ComputationRecords {
    return new ComputationRecords(
      this.deployment.path(`records-${this.policy.hash.toString("hex")}-${name}`),
    );
  }

  /** Somebody with a record comes; where it is another isolate than before, again with its owner's word, or not. */
  private async faithfully(
    which: Which,
    name: string,
    agrees: boolean,
    use: (client: VeracruzClient) => Promise<void>,
  ): Promise<ClientError | undefined> {
    const records = this.recordsOf(name);
    let n: number | undefined;
    const failure = await this.visit(which, name, { records }, async (client) => {
      const other = await attempt(() => client.commit());
      if (other?.kind === "restart") n = client.commitment?.n;
      if (other !== undefined) throw other;
      await use(client);
    });
    if (n === undefined) return failure;
    if (!agrees) {
      this.refused++;
      return failure;
    }
    return this.visit(which, name, { records, acceptRestart: n }, async (client) => {
      await client.commit();
      this.agreedTo.add(client.isolate.fingerprint);
      await use(client);
    });
  }

  /** The honest provider comes, and sends its secret. */
  private victimComes(which: Which, agrees: boolean): Promise<ClientError | undefined> {
    return this.faithfully(which, "victim", agrees, async (client) => {
      this.victimSentTo.add(client.isolate.fingerprint);
      await client.sendData("input-0", Uint8Array.of(SECRET));
      this.accepted.add(client.isolate.fingerprint);
    });
  }

  /** The colluding reader comes, without a record and with other guesses, and takes what it can get. */
  private async malloryComes(which: Which, random: Random): Promise<void> {
    const records = this.recordsOf(randomBytes(8).toString("hex"));
    await this.visit(which, "mallory", { records }, async (client) => {
      const { fingerprint } = client.isolate;
      const send = (file: string, module?: Uint8Array) =>
        attempt(async () => {
          if (module !== undefined) await client.sendProgram(file, module);
          else await client.sendData(file, Uint8Array.of(random.below(256)));
          this.accepted.add(fingerprint);
        });
      await send("compare.wasm", COMPARE);
      await send("fail.wasm", COMPARE_AND_FAIL);
      for (let turn = 0; turn < 4; turn++) {
        await send("input-1");
        // Nobody else reads, and ends rounds, at this isolate now.
        const { round } = await client.state();
        const failing = random.oneIn(2);
        const failure = await attempt(async () => {
          const result = await client.read("output", failing ? "fail.wasm" : "compare.wasm");
          this.results.add(`${fingerprint} ${round} ${result.toString("hex")}`);
        });
        if (failure?.kind === "return-code") this.codes++;
        await attempt(() => client.nextRound());
      }
    });
  }

  /** Where the reader is honest: the program, an input, the result. Whether it got that. */
  private async readerComes(which: Which, guess: number): Promise<boolean> {
    let right = false;
    await this.faithfully(which, "mallory", true, async (client) => {
      // Refused where they are there already.
      await attempt(() => client.sendProgram("compare.wasm", COMPARE));
      await attempt(() => client.sendData("input-1", Uint8Array.of(guess)));
      const result = await client.read("output", "compare.wasm");
      if (result.length !== 1 || result[0] !== Number(SECRET > guess))
        throw new Error(`${guess}: the result is ${result.toString("hex")}`);
      right = true;
    });
    return right;
  }

  /**
   * A visit of the attack, to one server or to both at once: the provider mostly comes, and mostly with its owner's
   * word where the isolate is another one, and the reader comes to the same isolate.
   */
  private async comeTogether(which: Which, random: Random): Promise<void> {
    const at = random.oneIn(2) ? ([which, (1 - which) as Which] as const) : [which];
    const draws = at.map(() => new Random(random.next()));
    // One provider: its client is at one server after the other.
    for (const [index, each] of at.entries()) {
      const own = draws[index] as Random;
      if (!own.oneIn(4)) await this.victimComes(each, !own.oneIn(4));
    }
    await allOf(at.map((each, index) => this.malloryComes(each, draws[index] as Random)));
  }

  /** Whoever owns the machines does what helps a reader, and the provider comes again and again. */
  async attack(): Promise<ProcessOutcome> {
    const { random } = this;
    // Both servers at once, from the start.
    await allOf([0, 1].map((which) => this.malloryComes(which as Which, this.branch())));
    const steps = 6 + random.below(4);
    for (let step = 0; step < steps; step++) {
      if (random.oneIn(3)) await this.killOne(this.branch());
      const together = this.comeTogether(random.below(2) as Which, this.branch());
      if (random.oneIn(2)) await together;
      else await this.disturbed(together, (draws) => this.killOne(draws));
    }
    const [, ...others] = this.victimSentTo;
    return {
      isolates: this.accepted.size,
      committed: await this.deployment.highest(this.policy),
      results: this.results.size,
      answers: this.results.size + this.codes,
      most: this.most,
      kills: this.kills,
      refused: this.refused,
      unasked: others.filter((key) => !this.agreedTo.has(key)).length,
    };
  }

  /** Both parties are honest, agree to restarts and come again; at most `max_restarts` isolates are lost meanwhile. */
  async honest(): Promise<HonestOutcome> {
    const { random } = this;
    const guess = random.below(256);
    let at: Which = 0;
    let lost = 0;
    // Before anybody has sent anything, losses cost nothing.
    await Promise.all([this.server(0).ready(), this.server(1).ready()]);
    if (random.oneIn(2)) await this.killOne(this.branch());
    const strike = async (draws: Random) => {
      if (lost === this.most.isolates - 1) return this.killReplica(draws.below(2) as Which);
      lost++;
      if (draws.oneIn(2)) this.killIsolate(at);
      else await this.killServer(at);
    };
    const deadline = Date.now() + PATIENCE_MS;
    let ended = false;
    while (!ended && Date.now() < deadline) {
      const provided = this.victimComes(at, true);
      if (random.oneIn(2)) await this.disturbed(provided, strike);
      else await provided;
      if (random.oneIn(4)) {
        const before = lost;
        await strike(this.branch());
        // The other server's isolate may take the lost one's place; with a visit under way, another one here has it.
        if (lost > before && random.oneIn(2)) at = (1 - at) as Which;
      }
      const read = this.readerComes(at, guess);
      if (random.oneIn(2)) await this.disturbed(read, strike);
      ended = await read;
    }
    if (!ended) console.error(this.servers.map((server) => server?.lastWords).join("\n"));
    return { lost, kills: this.kills, ended };
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server?.kill();
  }
}
