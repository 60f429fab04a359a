// Traces of model/promela/commit.pml against the real isolate, attestation server and client.
import {
  CommitRefusal,
  peekCommit,
  refusalPayload,
} from "../../../host/continuity/commit-statement.js";
import { ComputationRecords } from "../../../host/continuity/records.js";
import { encodeScope, scopeHash } from "../../../host/continuity/scope.js";
import { sign1, X5CHAIN } from "../../../host/psa-attestation/cose.js";
import { SoftwareRootOfTrust } from "../../../host/psa-attestation/root-of-trust.js";
import { type Message, Status } from "../../../host/transport-protocol/index.js";
import { VeracruzClient } from "../../../host/veracruz-client/client.js";
import { loadIdentity } from "../../../host/veracruz-client/identity.js";
import {
  type Request,
  RequestChannel,
  type Response,
} from "../../../host/veracruz-client/request-channel.js";
import { openNodeTls } from "../../../host/veracruz-client/secure-channel.js";
import { csrFor, newIsolateKey } from "../../proxy-attestation-server/support.js";
import {
  type LocalIsolate,
  type PrincipalConnection,
  sha256,
} from "../../runtime-manager/deployment.js";
import { COMPARE, COMPARE_AND_FAIL } from "../../support/guess-programs.js";
import {
  commitOf,
  doSteps,
  type Modules,
  type Replayed,
  type Steps,
  Stopped,
  turns,
} from "./replay.js";
import { textOf, World } from "./world.js";

/**
 * What the model calls PER_ISOLATE: the code of a failed run, and a result. The policy allows two failed runs, but
 * after the last one no run begins.
 */
const ANSWERS_OF_ONE = 2;
const SECRET = Uint8Array.of(0xb4);

/** One start of a genuine isolate. */
interface Started {
  readonly k: number;
  readonly local: LocalIsolate;
  readonly device: number;
  up: boolean;
  /** Its request for a commit, which whoever owns the machine repeats as it likes. */
  request?: Message<"commitWanted"> | undefined;
  /** What was said to it, and n where that is a commit. */
  statement?: Uint8Array;
  n?: number;
  /** Runs since it was started, or since its counters were cleared. */
  runs: number;
  hasPrograms: boolean;
}

/** A client's session, and what it is about to send. */
interface Session {
  readonly k: number;
  readonly client: VeracruzClient;
  /** What the isolate answered to the file, once that has left. */
  outcome?: Response;
  hasSent: boolean;
  sending?: Promise<void>;
  /** Lets the client hear the isolate's answer. */
  goOn: () => void;
  /** Ends the client as it is. */
  readonly kill: () => void;
}

class CommitReplay {
  private readonly world: World;
  private readonly devices: (LocalIsolate | undefined)[] = [undefined, undefined];
  private readonly isolates: Started[] = [];
  private readonly records: readonly ComputationRecords[];
  private readonly sessions: (Session | undefined)[] = [undefined, undefined];
  private readonly accepts: (number | undefined)[] = [undefined, undefined];
  private revoked: number | undefined;
  private readonly inserting = new Map<number, Promise<Uint8Array>>();
  private readonly foreign = {
    key: newIsolateKey(),
    isCommitted: false,
    scope: new Uint8Array(0) as Uint8Array,
  };
  private foreignRoot: SoftwareRootOfTrust | undefined;

  // What has happened, for the properties.
  private readonly accepted = new Set<number>();
  private readonly sentTo: readonly Set<number>[] = [new Set(), new Set()];
  private answers = 0;
  private readonly broken = new Map<number, string[]>();

  constructor(modules: Modules, restarts: number) {
    this.world = new World(modules, restarts);
    this.records = [0, 1].map((c) => new ComputationRecords(this.world.path(`records-${c}`)));
  }

  private get limit(): number {
    return this.world.limit;
  }

  private breaks(property: number, what: string): void {
    this.broken.set(property, [...(this.broken.get(property) ?? []), what]);
  }

  brokenOf(property: number): string[] {
    return this.broken.get(property) ?? [];
  }

  private started(k: number): Started {
    const isolate = this.isolates[k];
    if (isolate === undefined) throw new Stopped(`isolate ${k} was not started`);
    return isolate;
  }

  private running(k: number): Started {
    const isolate = this.started(k);
    if (!isolate.up) throw new Stopped(`isolate ${k} is gone`);
    return isolate;
  }

  // ---- Isolates and the attestation server ----

  private async start(k: number): Promise<void> {
    const busy = this.isolates.filter(({ up }) => up).map(({ device }) => device);
    const device = [0, 1].find((each) => !busy.includes(each)) as number;
    const local = this.devices[device] ?? (await this.world.device());
    this.devices[device] = local;
    await this.world.start(local);
    const isolate: Started = { k, local, device, up: true, runs: 0, hasPrograms: false };
    this.isolates[k] = isolate;
    // The attacker's principal has the request for a commit made, and goes away.
    const connection = await this.world.connect(local);
    connection.request({ type: "commit" }).catch(() => undefined);
    await turns(() => local.commitRequests.length > 0);
    isolate.request = local.commitRequests[0];
    local.request({ type: "closeSession", id: 5, session: connection.number });
    connection.close();
  }

  private reset(k: number): void {
    const isolate = this.running(k);
    isolate.local.request({ type: "reset", id: 6 });
    isolate.up = false;
  }

  /** The statement that a replica gives for an isolate's request. */
  private async ask(k: number): Promise<Uint8Array> {
    const { request } = this.started(k);
    if (request === undefined) throw new Stopped(`isolate ${k} has asked for no commit`);
    return this.world.commit({ ...request, type: "commitComputation" }, k % 2);
  }

  private get committed(): Started[] {
    return this.isolates.filter(({ n }) => n !== undefined);
  }

  /** Notes what the attestation server has said of an isolate. */
  private said(k: number, statement: Uint8Array): ReturnType<typeof peekCommit> {
    const isolate = this.started(k);
    const what = peekCommit(statement);
    if (what === undefined) throw new Error("no statement");
    isolate.statement = statement;
    if (what.refused) {
      if (this.committed.length < this.limit) {
        const said = `isolate ${k} is refused for ever while ${this.committed.length} of ${this.limit} isolates are committed`;
        if (this.foreign.isCommitted) this.breaks(3, said);
        this.breaks(5, said);
      }
      return what;
    }
    if (this.revoked !== undefined && isolate.device === this.revoked && isolate.n === undefined)
      this.breaks(1, `isolate ${k} is committed on a revoked device`);
    if (this.committed.some((other) => other.k !== k && other.n === what.n))
      this.breaks(2, `two isolates are number ${what.n}`);
    isolate.n = what.n;
    return what;
  }

  private async commit(k: number): Promise<void> {
    const what = this.said(k, await this.ask(k));
    if (what?.refused !== false) throw new Stopped(`a signed refusal, reason ${what?.reason}`);
  }

  private async refuse(k: number): Promise<void> {
    const what = this.said(k, await this.ask(k));
    if (what?.refused !== true) throw new Stopped(`it is committed, as number ${what?.n}`);
  }

  private async askAgain(k: number): Promise<void> {
    const before = this.started(k).n;
    const what = this.said(k, await this.ask(k));
    if (what?.refused === false && what.n === before)
      throw new Stopped(`the same statement again: number ${before}`);
  }

  private install(k: number, statement: Uint8Array | undefined): void {
    const { local } = this.running(k);
    if (statement === undefined) throw new Stopped("there is no statement");
    this.world.install(local, statement);
  }

  /** A refusal that the attacker has signed itself, with its own certificate beside it. */
  private forgedRefusal(k: number): Uint8Array {
    const { publicKey } = this.started(k).request as Message<"commitWanted">;
    const { policyHash, policy, attacker } = this.world;
    const subject = { policyHash, scopeHash: policy.scopeHash, publicKey };
    const payload = refusalPayload(subject, CommitRefusal.EXHAUSTED, 0, Date.now());
    const { privateKey, der } = attacker;
    return sign1(payload, privateKey, new Map([[X5CHAIN, new Uint8Array(der)]]));
  }

  private takeForgedRefusal(k: number): void {
    this.install(k, this.forgedRefusal(k));
    this.breaks(5, `isolate ${k} has ended at what nobody signed`);
  }

  // ---- Principals ----

  private async ofAttacker<T>(k: number, act: (connection: PrincipalConnection) => Promise<T>) {
    const connection = await this.world.connect(this.running(k).local);
    try {
      return await act(connection);
    } finally {
      connection.close();
    }
  }

  private async takeInput(k: number): Promise<void> {
    const answer = await this.ofAttacker(k, (connection) =>
      connection.send("data", "input-1", Uint8Array.of(127)),
    );
    this.took(k, answer);
  }

  /** Notes that an isolate has taken a file. */
  private took(k: number, answer: Response | undefined): void {
    if (answer === undefined) throw new Stopped("nothing was sent");
    if (answer.type !== "outcome" || answer.status !== Status.SUCCESS)
      throw new Stopped(textOf(answer));
    this.accepted.add(k);
    if (this.accepted.size > this.limit)
      this.breaks(1, `${this.accepted.size} isolates took a file, the policy allows ${this.limit}`);
  }

  private async runOver(k: number): Promise<void> {
    const isolate = this.running(k);
    await this.ofAttacker(k, async (connection) => {
      if (!isolate.hasPrograms) {
        isolate.hasPrograms = true;
        await connection.send("program", "compare.wasm", COMPARE);
        await connection.send("program", "fail.wasm", COMPARE_AND_FAIL);
        await connection.send("data", "input-1", Uint8Array.of(127));
      }
      // The run that fails comes first: a round with a result has no more runs.
      const failing = isolate.runs !== 1;
      const answer = await connection.read("output", failing ? "fail.wasm" : "compare.wasm");
      const learned =
        answer instanceof Uint8Array || (answer.type === "outcome" && answer.returnCode > 0);
      if (!learned) throw new Stopped(textOf(answer as Response));
      isolate.runs++;
      this.answers++;
    });
    const most = ANSWERS_OF_ONE * this.limit;
    if (this.answers > most)
      this.breaks(13, `${this.answers} answers, ${this.limit} isolates give ${most}`);
  }

  /** The client opens a session, and looks at the isolate's certificate. */
  private async open(c: number, k: number): Promise<Session> {
    const { local } = this.running(k);
    const { policy, provider, reader } = this.world;
    const who = c === 0 ? provider : reader;
    const identity = loadIdentity(Buffer.from(who.pem), who.keyPem);
    const tunnel = local.openSession();
    const channelOptions = { policy, identity, expectedFingerprint: undefined, timeoutMs: 600_000 };
    const { stream, isolate, keyExchange, exporter } = await openNodeTls(tunnel, channelOptions);
    const channel = new RequestChannel(stream);
    const records = this.records[c] as ComputationRecords;
    const acceptRestart = this.accepts[c];
    const options = {
      policy,
      identity,
      records,
      timeoutMs: 600_000,
      ...(acceptRestart !== undefined && { acceptRestart }),
    };
    const entry = policy.document.identities[c];
    // As `VeracruzClient.connect` does over a server: here the session is there already.
    const Client = VeracruzClient as unknown as new (...parts: unknown[]) => VeracruzClient;
    const client = new Client(channel, tunnel, exporter, options, isolate, keyExchange, entry);
    const kill = () => {
      stream.destroy();
      tunnel.destroy();
    };
    const session: Session = { k, client, hasSent: false, goOn: () => undefined, kill };
    const heard = new Promise<void>((resolve) => {
      session.goOn = resolve;
    });
    const send = channel.send.bind(channel);
    channel.send = async (request: Request) => {
      const isFile = request.type === "data" || request.type === "program";
      if (isFile) this.sends(c, session);
      const answer = await send(request);
      if (isFile) {
        session.outcome = answer;
        await heard;
      }
      return answer;
    };
    await client.state();
    this.sessions[c]?.kill();
    this.sessions[c] = session;
    return session;
  }

  private sends(c: number, session: Session): void {
    const { k } = session;
    session.hasSent = true;
    const already = this.sentTo[c] as Set<number>;
    already.add(k);
    if (this.isolates[k]?.n === undefined)
      this.breaks(4, `client ${c} has sent to isolate ${k}, which is not committed`);
    const most = this.accepts[c] === undefined ? 1 : 2;
    if (already.size > most)
      this.breaks(4, `client ${c} has sent to ${already.size} isolates, its owner allows ${most}`);
  }

  private async check(c: number, k: number): Promise<void> {
    const session = await this.open(c, k);
    const before = this.records[c]?.latest(this.world.policy.hash.toString("hex"));
    let done = false;
    const checked = session.client.commit().finally(() => {
      done = true;
    });
    checked.catch(() => undefined);
    if (!(await turns(() => done))) {
      session.kill();
      delete this.sessions[c];
      throw new Stopped("no statement comes: nothing is recorded or sent");
    }
    try {
      const { n } = await checked;
      if (before !== undefined && n < before.n)
        this.breaks(4, `client ${c} goes from isolate number ${before.n} to number ${n}`);
    } catch (error) {
      delete this.sessions[c];
      throw new Stopped((error as Error).message);
    }
  }

  private async send(c: number, k: number): Promise<void> {
    const before = this.sessions[c];
    const session = before !== undefined && before.k === k ? before : await this.open(c, k);
    const { client } = session;
    let failure: Error | undefined;
    session.sending =
      c === 0
        ? client.sendData("input-0", SECRET)
        : client.sendProgram("fail.wasm", COMPARE_AND_FAIL);
    session.sending.catch((error: Error) => {
      failure = error;
    });
    await turns(() => failure !== undefined || session.outcome !== undefined);
    if (!session.hasSent) {
      session.kill();
      delete this.sessions[c];
      throw new Stopped(failure?.message ?? "no statement comes: nothing is recorded or sent");
    }
  }

  /** What clients have begun goes on, but for one that is killed. */
  private async settle(killed?: number): Promise<void> {
    for (const [c, session] of this.sessions.entries()) {
      if (session?.sending === undefined) continue;
      if (c !== killed) {
        session.goOn();
        await session.sending.catch(() => undefined);
      }
      session.kill();
      delete this.sessions[c];
    }
  }

  private kinds(): Steps {
    const goesOn =
      (act: (first: number, second: number) => Promise<void> | void) =>
      async (first: number, second: number) => {
        await this.settle();
        await act(first, second);
      };
    return [
      [/^the server starts isolate \d/, goesOn((k) => this.start(k))],
      [/^the server resets isolate \d/, goesOn((k) => this.reset(k))],
      [/^the attestation server commits P to isolate \d/, goesOn((k) => this.commit(k))],
      [/^the attestation server signs a refusal for isolate \d/, goesOn((k) => this.refuse(k))],
      [/isolate \d asks again/, goesOn((k) => this.askAgain(k))],
      [
        /^a replica of the attestation server reads \d+ rows for isolate \d/,
        async (_rows, k) => {
          const statement = this.ask(k);
          statement.catch(() => undefined);
          this.inserting.set(k, statement);
        },
      ],
      [
        /^that replica inserts n = \d+ for isolate \d/,
        goesOn(async (n, k) => {
          const what = this.said(k, (await this.inserting.get(k)) as Uint8Array);
          if (what?.refused !== false || what.n !== n)
            throw new Stopped(what?.refused === false ? `number ${what.n}` : "a signed refusal");
        }),
      ],
      [
        /^the operator revokes the device of isolate \d/,
        goesOn(async (k) => {
          const { device, local } = this.started(k);
          this.revoked = device;
          await this.world.store.revoke(local.rootOfTrust.instanceId, Date.now());
        }),
      ],
      [
        /^isolate \d verifies its statement/,
        goesOn((k) => this.install(k, this.started(k).statement)),
      ],
      [
        /^isolate \d takes the statement that was made for isolate 0/,
        goesOn((k) => this.install(k, this.isolates[0]?.statement)),
      ],
      [
        /^isolate \d ends at a refusal that the server forged/,
        goesOn((k) => this.takeForgedRefusal(k)),
      ],
      [/^isolate \d takes the attacker's own input/, goesOn((k) => this.takeInput(k))],
      [
        /^isolate \d takes the provider's input/,
        async (k) => {
          const session = this.sessions[0];
          this.took(k, session?.k === k ? session.outcome : undefined);
        },
      ],
      [/^isolate \d runs over the provider's input/, goesOn((k) => this.runOver(k))],
      [
        /^a reset of isolate \d clears its counters/,
        goesOn((k) => {
          const isolate = this.running(k);
          isolate.local.request({ type: "reset", id: 6 });
          isolate.runs = 0;
        }),
      ],
      [/^client \d checks isolate \d/, goesOn((c, k) => this.check(c, k))],
      [/^client \d sends to isolate \d/, (c, k) => this.send(c, k)],
      [/^client \d is killed before it has recorded/, (c) => this.settle(c)],
      [
        /^the owner of client \d says --accept-restart 2/,
        goesOn((c) => {
          this.accepts[c] = 2;
        }),
      ],
      [
        /^the attacker's device gets a certificate for \(P, a scope of its own\)/,
        goesOn(() => this.certifyForeign(false)),
      ],
      [
        /^the attacker's device gets a certificate for \(P, S\)/,
        goesOn(() => this.certifyForeign(true)),
      ],
      [
        /^the attestation server commits (\(P, the invented scope\)|P) to the attacker's device/,
        goesOn(() => this.commitForeign()),
      ],
      [
        /^the attestation server forgets its rows/,
        goesOn(() => {
          const { db } = this.world.store as unknown as { db: { exec(sql: string): void } };
          try {
            db.exec("DELETE FROM commits");
          } catch (error) {
            throw new Stopped((error as Error).message);
          }
        }),
      ],
    ];
  }

  // ---- The attacker's own device: genuine, of another measurement, with a runtime that says any scope ----

  private async certifyForeign(trueScope: boolean): Promise<void> {
    const runtime = Uint8Array.of(1, 2, 3);
    const { world } = this;
    const root = SoftwareRootOfTrust.open(world.path("foreign.key"));
    this.foreignRoot = root;
    await world.enrol(root.enrolment(), root.measureRuntime(runtime));
    root.runtimeStarts();
    const own = {
      runtimeHashes: { linux: new Uint8Array(Buffer.from(sha256(runtime), "hex")) },
      allowDevelopment: true,
      instanceIds: [],
      maxRestarts: this.limit - 1,
      minimumVersions: [],
    };
    const scope = trueScope ? world.policy.scope : encodeScope(own);
    this.foreign.scope = scope;
    const { challenge, deviceId } = await world.challenge();
    const { policyHash } = world;
    const csr = csrFor(this.foreign.key);
    const asked = { challenge, csr, policyHash, scopeHash: scopeHash(scope) };
    const token = root.certificationToken(asked);
    await world.certify({ token, csr, deviceId, policyHash, scope });
  }

  private async commitForeign(): Promise<void> {
    const { key, scope } = this.foreign;
    const { policy, policyHash } = this.world;
    const isTrue = Buffer.compare(scope, policy.scope) === 0;
    await this.world.commit(commitOf(key, policyHash, scopeHash(scope)));
    this.foreign.isCommitted = true;
    if (isTrue) this.breaks(3, "P is committed to a device that is out of its scope");
  }

  async run(trace: readonly string[]): Promise<Replayed["stopped"]> {
    const stopped = await doSteps(trace, this.kinds());
    await this.settle();
    return stopped;
  }

  async free(): Promise<void> {
    for (const session of this.sessions) session?.kill();
    this.foreignRoot?.free();
    await this.world.free();
  }
}

/** Replays a trace of the model; `restarts` is its `max_restarts`. */
export async function replay(
  trace: readonly string[],
  property: number,
  restarts: number,
  modules: Modules,
): Promise<Replayed> {
  const world = new CommitReplay(modules, restarts);
  try {
    const stopped = await world.run(trace);
    return { stopped, broken: world.brokenOf(property) };
  } finally {
    await world.free();
  }
}
