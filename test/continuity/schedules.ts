// Random schedules of restarts, re-sends, lost, forged and repeated answers around one computation, in one process:
// two devices, of which each may be started again and again, and two replicas of the proxy attestation server on one
// database. A seed says what a schedule does.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { wasmPath } from "../../host/common/paths.js";
import { ComputationRecords } from "../../host/continuity/records.js";
import { initialiseCa, loadCa } from "../../host/proxy-attestation-server/ca.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import { AttestationService } from "../../host/proxy-attestation-server/service.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import type { Store } from "../../host/proxy-attestation-server/store.js";
import {
  type Message,
  type MessageIn,
  PROTOCOL_VERSION,
  Status,
} from "../../host/transport-protocol/index.js";
import { checkCommit, recordCommit } from "../../host/veracruz-client/commitment.js";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { checkIsolate, type IsolateIdentity } from "../../host/veracruz-client/isolate-identity.js";
import type { Policy } from "../../host/veracruz-utils/policy.js";
import { certificateToPem } from "../../host/x509/principal-certificate.js";
import {
  LocalIsolate,
  newPrincipal,
  PrincipalConnection,
  sha256,
} from "../runtime-manager/deployment.js";
import type { TestCertificate } from "../support/certificates.js";
import { COMPARE, COMPARE_AND_FAIL } from "../support/guess-programs.js";
import { Random } from "../support/random.js";
import { type Brought, drawComputation, Ledger, type Most, SECRET } from "./drawn-computation.js";

type Answer = MessageIn<"isolateAnswer">;

/** How often one who wants a commit has it asked for before it gives up. */
const TRIES = 3;

/** What becomes of one question for a commit. */
const fates = ["answered", "question lost", "answer lost", "asked twice", "forged", "old"] as const;

/** What is taken away, to see that an attack comes of it. */
export interface Weakness {
  /** The attestation server commits a computation to every key that asks, as number 1. */
  readonly uncounted?: boolean;
  /** The honest provider remembers no isolate. */
  readonly forgetful?: boolean;
}

/** What a schedule brought. */
interface Outcome extends Brought {
  /** Whether the computation came to its end, with honest answers, where it had to. */
  readonly ended: boolean;
}

/** An isolate as started last on a device. */
interface Running {
  readonly local: LocalIsolate;
  fingerprint: string;
  /** Its request for a commit, which whoever owns the machine repeats as it likes. */
  request?: Message<"commitWanted">;
}

/** Authorities, devices and principals, for any number of schedules. */
export class Schedules {
  private readonly folder = mkdtempSync(join(tmpdir(), "vc-schedules-"));
  private readonly stores: SqliteStore[];
  readonly replicas: AttestationService[];
  readonly caPem: string;
  readonly victim: TestCertificate = newPrincipal("victim");
  readonly mallory: TestCertificate = newPrincipal("mallory");

  private constructor(readonly weakness: Weakness) {
    initialiseCa(this.path("ca.key"), this.path("ca.pem"), "Test CA", 30);
    const ca = loadCa(this.path("ca.key"), this.path("ca.pem"));
    this.caPem = certificateToPem(ca.certificate);
    this.stores = [0, 1].map(() => SqliteStore.open(this.path("pas.sqlite")));
    this.replicas = this.stores.map(
      (store) =>
        new AttestationService(weakness.uncounted ? uncounted(store) : store, ca, {
          allowDevelopment: true,
        }),
    );
  }

  static async open(weakness: Weakness = {}): Promise<Schedules> {
    const all = new Schedules(weakness);
    const [store] = all.stores as [SqliteStore, SqliteStore];
    for (const device of [0, 1]) {
      const local = all.startDevice(device);
      await enrolFile(store, local.enrolment);
      const { implementationId } = JSON.parse(local.enrolment) as { implementationId: string };
      await store.allow({
        implementationId: Buffer.from(implementationId, "hex"),
        measurement: Buffer.from(local.measurement, "hex"),
        description: "",
        allowedAt: Date.now(),
      });
      local.free();
    }
    return all;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  startDevice(device: number): LocalIsolate {
    return new LocalIsolate(this.path(`device-${device}.key`));
  }

  /** Runs the schedule of a seed. */
  async run(seed: number): Promise<Outcome> {
    const schedule = new Schedule(this, new Random(seed));
    try {
      return await schedule.run();
    } finally {
      schedule.free();
    }
  }

  /** The highest number that was committed. */
  highest(policy: Policy): Promise<number> {
    const [store] = this.stores as [SqliteStore];
    return store.highestCommit(new Uint8Array(policy.hash), policy.scopeHash);
  }

  async close(): Promise<void> {
    for (const store of this.stores) await store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A store that counts no commits. */
function uncounted(store: SqliteStore): Store {
  const commit: Store["commit"] = async () => ({ outcome: "committed", n: 1 });
  return new Proxy<Store>(store, {
    get(target, name) {
      if (name === "commit") return commit;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Runs the schedules of seeds; each outcome that breaks a limit is one line of `broken`. */
export async function runSchedules(
  seeds: number,
  weakness: Weakness = {},
  onSchedule: (seed: number) => void = () => undefined,
) {
  const schedules = await Schedules.open(weakness);
  const ledger = new Ledger();
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await schedules.run(seed);
    ledger.add(seed, outcome, outcome.ended);
    onSchedule(seed);
  }
  await schedules.close();
  return ledger;
}

class Schedule {
  private readonly policy: Policy;
  private readonly records: ComputationRecords;
  private readonly most: Most;
  private readonly devices: (Running | undefined)[] = [undefined, undefined];
  /** Statements that were seen: whoever owns the machine shows them again. */
  private readonly seen: Uint8Array[] = [];
  private readonly accepted = new Set<string>();
  private readonly victimSentTo = new Set<string>();
  private agreed = 0;
  private refused = 0;
  private results = 0;
  private answers = 0;

  constructor(
    private readonly all: Schedules,
    private readonly random: Random,
  ) {
    const { policy, most } = drawComputation(random, {
      victim: all.victim,
      mallory: all.mallory,
      caPem: all.caPem,
      attestation: "127.0.0.1:3010",
      runtimeHash: sha256(readFileSync(wasmPath("runtime"))),
    });
    this.policy = policy;
    this.most = most;
    this.records = new ComputationRecords(all.path(`records-${this.policy.hash.toString("hex")}`));
  }

  /** Kills what runs on a device, or resets it, and has it attested again under the same policy. */
  private async start(device: number): Promise<Running> {
    const before = this.devices[device];
    let local = before?.local;
    if (local !== undefined && this.random.oneIn(2)) local.request({ type: "reset", id: 1 });
    else {
      local?.free();
      local = this.all.startDevice(device);
    }
    local.commitRequests.length = 0;
    local.ended = undefined;
    const running: Running = { local, fingerprint: "" };
    this.devices[device] = running;
    const policy = this.policy.bytes;
    expectType(
      local.request({ type: "initialise", id: 1, version: PROTOCOL_VERSION, policy }),
      "done",
    );
    const challenge = await this.replica().start({
      type: "start",
      protocol: "psa",
      firmwareVersion: "",
    });
    if (!challenge.ok) throw new Error(challenge.detail);
    const evidence = expectType(
      local.request({ ...challenge.message, type: "attest", id: 2 }),
      "attestation",
    );
    const { token, csr, deviceId, policyHash, scope } = evidence;
    const asked = { token, csr, deviceId, policyHash, scope };
    const chain = await this.replica().attest({ type: "nativeAttestationToken", ...asked });
    if (!chain.ok) throw new Error(`${chain.rule}: ${chain.detail}`);
    const { certificate, issuer } = chain.message;
    expectType(local.request({ type: "installCertificate", id: 3, certificate, issuer }), "done");
    return running;
  }

  private replica(): AttestationService {
    return this.random.pick(this.all.replicas);
  }

  /** TLS to an isolate, as the principal's client opens it: the certificate is checked against the policy. */
  private async connect(running: Running, who: TestCertificate): Promise<Session> {
    const stream = running.local.openSession();
    const socket = connect({
      socket: stream,
      servername: "ComputeEnclave.dev",
      ca: this.all.caPem,
      minVersion: "TLSv1.3",
      cert: who.pem,
      key: who.keyPem,
    });
    const connection = new PrincipalConnection(socket, stream.number);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
      socket.once("secureConnect", () => resolve());
    });
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) throw new Error("no certificate was shown");
    const isolate = checkIsolate(shown.raw, this.policy, undefined, new Date());
    running.fingerprint = isolate.fingerprint;
    return { connection, socket, isolate };
  }

  /** Sends the isolate's request to a replica, and brings back what the network makes of the answer. */
  private async relay(running: Running, fate: (typeof fates)[number]): Promise<void> {
    const { local } = running;
    running.request = local.commitRequests.at(-1) ?? running.request;
    const { request } = running;
    if (request === undefined) return;
    const ask = async () => {
      const answer = await this.replica().commit({ ...request, type: "commitComputation" });
      if (!answer.ok) throw new Error(`${answer.rule}: ${answer.detail}`);
      this.seen.push(answer.message.statement);
      return answer.message.statement;
    };
    const install = (statement: Uint8Array) =>
      local.request({ type: "installCommitment", id: 4, statement }).type;
    if (fate === "question lost") return;
    if (fate === "old") {
      const other = this.random.pick(this.seen);
      if (other !== undefined) install(other);
      return;
    }
    const statement = await ask();
    if (fate === "answer lost") return;
    if (fate === "forged") {
      const forged = Uint8Array.from(statement);
      const at = this.random.below(forged.length);
      forged[at] = (forged[at] as number) ^ (1 << this.random.below(8));
      if (install(forged) === "done") throw new Error(`a forged statement was taken: byte ${at}`);
      return;
    }
    if (fate === "asked twice") await Promise.all([ask(), ask()]);
    install(statement);
  }

  /** A principal with a right to write asks for a commit. Whether there is one then. */
  private async commit(running: Running, session: Session, honestly: boolean): Promise<boolean> {
    let committed = false;
    const answer = session.connection.request({ type: "commit" }).then(
      ({ type }) => {
        committed = type === "committed";
      },
      () => undefined,
    );
    const { local } = running;
    const heard = () => committed || local.ended !== undefined;
    await turns(() => heard() || local.commitRequests.length > 0 || running.request !== undefined);
    for (let turn = 0; turn < TRIES && !heard(); turn++) {
      await this.relay(running, honestly ? "answered" : this.random.pick(fates));
      await turns(heard);
    }
    if (!committed && local.ended === undefined) {
      local.request({ type: "closeSession", id: 5, session: session.connection.number });
      session.socket.destroy();
    }
    await answer;
    return committed;
  }

  /** The honest provider comes, as its client does: checks, records, sends. `agrees`: to a restart, if it is one. */
  private async victimComes(running: Running, agrees: boolean, honestly = false): Promise<boolean> {
    if (running.local.ended !== undefined) return false;
    const session = await this.connect(running, this.all.victim);
    try {
      const { isolate } = session;
      if (!(await this.commit(running, session, honestly))) return false;
      const state = await session.connection.request({ type: "requestState" });
      if (state.type !== "state") return false;
      const commit = checkCommit(state.statement, this.policy, isolate);
      const before = this.records.latest(this.policy.hash.toString("hex"));
      const isRestart = before !== undefined && before.fingerprint !== isolate.fingerprint;
      try {
        if (!this.all.weakness.forgetful)
          recordCommit(this.records, this.policy, isolate, commit, agrees ? commit.n : undefined);
      } catch (error) {
        if (!(error instanceof ClientError) || error.kind !== "restart") throw error;
        this.refused++;
        return false;
      }
      if (isRestart) this.agreed++;
      this.victimSentTo.add(isolate.fingerprint);
      await this.send(running, session, "data", "input-0", Uint8Array.of(SECRET));
      return true;
    } finally {
      session.connection.close();
    }
  }

  private async send(
    running: Running,
    session: Session,
    type: "data" | "program",
    name: string,
    bytes: Uint8Array,
  ): Promise<void> {
    const response = await session.connection.send(type, name, bytes);
    if (response.type !== "outcome" || response.status !== Status.SUCCESS) return;
    this.accepted.add(running.fingerprint);
  }

  /** The colluding reader comes, without a record and with another guess, and takes what it can get. */
  private async malloryComes(running: Running, honestly = false): Promise<void> {
    if (running.local.ended !== undefined) return;
    const session = await this.connect(running, this.all.mallory);
    const { connection } = session;
    try {
      // It tries without a commit as well.
      if (!this.random.oneIn(4) || honestly) {
        if (!(await this.commit(running, session, honestly))) return;
      }
      await this.send(running, session, "program", "compare.wasm", COMPARE);
      await this.send(running, session, "program", "fail.wasm", COMPARE_AND_FAIL);
      await this.send(running, session, "data", "input-1", Uint8Array.of(this.random.below(256)));
      for (let turn = 0; turn < 4; turn++) {
        const failing = !honestly && this.random.oneIn(2);
        const answer = await connection.read("output", failing ? "fail.wasm" : "compare.wasm");
        if (answer instanceof Uint8Array) this.got(running);
        else if (answer.type === "outcome" && answer.returnCode > 0) this.answers++;
        if (!honestly) await connection.request({ type: "requestNextRound", round: 0 });
        if (!honestly)
          await this.send(
            running,
            session,
            "data",
            "input-1",
            Uint8Array.of(this.random.below(256)),
          );
      }
    } catch (error) {
      if (!/session was closed/.test((error as Error).message)) throw error;
    } finally {
      connection.close();
    }
  }

  private readonly rounds = new Map<string, Set<number>>();

  /** A result of a round counts once, however often it is read. */
  private got({ local, fingerprint }: Running): void {
    const { round } = expectType(local.request({ type: "runtimeState", id: 6 }), "runtimeStateIs");
    const rounds = this.rounds.get(fingerprint) ?? new Set();
    this.rounds.set(fingerprint, rounds);
    if (rounds.has(round)) return;
    rounds.add(round);
    this.results++;
    this.answers++;
  }

  async run(): Promise<Outcome> {
    const { random, devices } = this;
    const steps = 8 + random.below(12);
    for (let step = 0; step < steps; step++) {
      const device = random.below(2);
      const running = devices[device];
      const [one, other] = devices;
      if (one?.request !== undefined && other?.request !== undefined && random.oneIn(6)) {
        await Promise.all([this.relay(one, "answered"), this.relay(other, "answered")]);
      } else if (running === undefined || random.oneIn(5)) await this.start(device);
      else if (random.oneIn(2)) await this.victimComes(running, random.oneIn(2));
      else await this.malloryComes(running);
    }
    const ended = await this.end();
    return {
      isolates: this.accepted.size,
      results: this.results,
      answers: this.answers,
      most: this.most,
      refused: this.refused,
      unasked: this.victimSentTo.size - 1 - this.agreed,
      ended,
    };
  }

  /** Honest answers from now on: where a number is left, another isolate brings the computation to its end. */
  private async end(): Promise<boolean> {
    if ((await this.all.highest(this.policy)) === this.most.isolates) return true;
    const before = this.results;
    const running = await this.start(0);
    if (!(await this.victimComes(running, true, true))) return false;
    await this.malloryComes(running, true);
    return this.results > before;
  }

  free(): void {
    for (const running of this.devices) running?.local.free();
  }
}

interface Session {
  readonly connection: PrincipalConnection;
  readonly socket: TLSSocket;
  readonly isolate: IsolateIdentity;
}

function expectType<T extends Answer["type"]>(
  answer: Answer,
  type: T,
): Extract<Answer, { type: T }> {
  if (answer.type !== type) throw new Error(`${JSON.stringify(answer)} instead of ${type}`);
  return answer as Extract<Answer, { type: T }>;
}

/** Turns of the event loop: what was written in this process has arrived then, whatever the time is. */
async function turns(until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !until(); turn++)
    await new Promise((resolve) => setImmediate(resolve));
}
