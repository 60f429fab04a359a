// The processes around one computation, as their operators start them: two vc-pas on one database, two vc-server with
// the isolates that they start. Each can be killed without a warning and started again.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wasmPath } from "../../host/common/paths.js";
import { initialiseCa } from "../../host/proxy-attestation-server/ca.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import { openStore } from "../../host/proxy-attestation-server/open-store.js";
import type { Store } from "../../host/proxy-attestation-server/store.js";
import { SoftwareRootOfTrust } from "../../host/psa-attestation/root-of-trust.js";
import type { Policy } from "../../host/veracruz-utils/policy.js";
import { startPostgres } from "../proxy-attestation-server/postgres.js";
import { sha256 } from "../runtime-manager/deployment.js";
import { ServerCommand } from "../support/server-command.js";
import { type HealthReport, until } from "../support/system.js";

/** One of two devices, servers or replicas. */
export type Which = 0 | 1;

/** Devices, a CA, a database and the replicas of the proxy attestation server, for any number of computations. */
export class ProcessDeployment {
  private readonly folder = mkdtempSync(join(tmpdir(), "vc-processes-"));
  private readonly replicas: (ServerCommand | undefined)[] = [];
  private readonly ports = [0, 0];
  private readonly databases: string[] = [];
  private stopDatabase: () => Promise<void> = async () => undefined;
  /** What keeps the replicas' state. */
  database = "";
  readonly stores: Store[] = [];

  private constructor() {
    initialiseCa(this.path("ca-key.pem"), this.path("ca.pem"), "Test CA", 30);
    // A copy: the build may replace the file while processes start.
    copyFileSync(wasmPath("runtime"), this.path("runtime.wasm"));
  }

  /** @param forked a weakness: each replica counts in a database of its own, and each server goes to its own replica */
  static async open(forked = false): Promise<ProcessDeployment> {
    const deployment = new ProcessDeployment();
    try {
      await deployment.openDatabases(forked);
      for (const which of [0, 1] as const) await deployment.startReplica(which);
      return deployment;
    } catch (error) {
      await deployment.close();
      throw error;
    }
  }

  private async openDatabases(forked: boolean): Promise<void> {
    const files = forked ? ["one.sqlite", "other.sqlite"] : ["pas.sqlite"];
    const postgres = forked ? { reason: "two databases" } : await startPostgres();
    if ("url" in postgres) {
      this.stopDatabase = () => postgres.stop();
      this.databases.push(postgres.url);
      this.database = "PostgreSQL";
    } else {
      this.databases.push(...files.map((name) => this.path(name)));
      this.database = `SQLite (${postgres.reason})`;
    }
    for (const database of this.databases) {
      const store = await openStore(database);
      this.stores.push(store);
      for (const which of [0, 1] as const) await this.enrol(store, which);
    }
  }

  private async enrol(store: Store, which: Which): Promise<void> {
    const root = SoftwareRootOfTrust.open(this.deviceKey(which));
    const enrolment = root.enrolment();
    root.free();
    await enrolFile(store, JSON.stringify(enrolment));
    await store.allow({
      implementationId: Buffer.from(enrolment.implementationId, "hex"),
      measurement: Buffer.from(this.runtimeHash, "hex"),
      description: "",
      allowedAt: Date.now(),
    });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  private deviceKey(which: Which): string {
    return this.path(`device-${which}.pem`);
  }

  get caPem(): string {
    return readFileSync(this.path("ca.pem"), "utf8");
  }

  get runtimeHash(): string {
    return sha256(readFileSync(this.path("runtime.wasm")));
  }

  replicaAddress(which: Which): string {
    return `127.0.0.1:${this.ports[which]}`;
  }

  private async startReplica(which: Which): Promise<void> {
    const database = this.databases[which] ?? (this.databases[0] as string);
    const replica = new ServerCommand("proxy-attestation-server", [
      ...["serve", "--port", String(this.ports[which]), "--allow-development"],
      ...["--database", database, "--ca-key", this.path("ca-key.pem")],
      ...["--ca-certificate", this.path("ca.pem")],
    ]);
    this.replicas[which] = replica;
    this.ports[which] = (await replica.address()).port;
  }

  /** Kills a replica, and starts it again at its address. */
  async restartReplica(which: Which): Promise<void> {
    await this.replicas[which]?.kill();
    await this.startReplica(which);
  }

  /** The server in front of a device; its isolates are attested by a replica. */
  startServer(policy: Policy, which: Which, replica: Which): ServerProcess {
    const file = this.path(`policy-${policy.hash.toString("hex")}.json`);
    writeFileSync(file, policy.bytes);
    return new ServerProcess([
      ...[file, "--listen", "127.0.0.1:0", "--isolate", "process", "--handshake", "60"],
      ...["--root-of-trust", this.deviceKey(which), "--runtime", this.path("runtime.wasm")],
      // Nothing but the policy ends a computation.
      ...["--isolate-restarts", "1000", "--attestation-timeout", "600"],
      ...[
        "--proxy-attestation-server",
        this.replicaAddress(this.databases.length > 1 ? which : replica),
      ],
    ]);
  }

  /** The highest number that was committed. */
  async highest(policy: Policy): Promise<number> {
    const hash = new Uint8Array(policy.hash);
    const numbers = this.stores.map((store) => store.highestCommit(hash, policy.scopeHash));
    return Math.max(...(await Promise.all(numbers)));
  }

  async close(): Promise<void> {
    for (const replica of this.replicas) await replica?.kill();
    for (const store of this.stores) await store.close();
    await this.stopDatabase();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A vc-server process, with the isolate's process that it starts. */
export class ServerProcess {
  private readonly command: ServerCommand;

  constructor(args: readonly string[]) {
    this.command = new ServerCommand("veracruz-server", args);
  }

  get isOver(): boolean {
    return this.command.isOver;
  }

  /** What it said last, for a report. */
  get lastWords(): string {
    return `${this.command.out.trim().split("\n").slice(-3).join("\n")}${this.command.err}`;
  }

  /** Where it listens, once its isolate takes sessions; undefined when it has ended instead. */
  async ready(): Promise<{ host: string; port: number } | undefined> {
    let port = 0;
    await until("the server is ready, or has ended", async () => {
      if (this.isOver) return true;
      port = Number(/"port":(\d+)[^\n]*"msg":"listening"/.exec(this.command.out)?.[1] ?? 0);
      if (port === 0) return false;
      const answer = fetch(`http://127.0.0.1:${port}/healthz`).then((reply) => reply.json());
      const health = (await answer.catch(() => undefined)) as HealthReport | undefined;
      return health?.status === "ready";
    });
    return this.isOver ? undefined : { host: "127.0.0.1", port };
  }

  /** Kills its isolate, where it has one: whether it had. */
  killIsolate(): boolean {
    const { out } = this.command;
    const started = out.lastIndexOf('"msg":"isolate process started"');
    if (this.isOver || started < 0 || out.indexOf('"msg":"isolate lost"', started) > 0)
      return false;
    const line = out.slice(out.lastIndexOf("\n", started) + 1, started);
    try {
      process.kill(Number(/"pid":(\d+)/.exec(line)?.[1]), "SIGKILL");
      return true;
    } catch {
      return false;
    }
  }

  /** Kills it; its isolate ends with it. */
  kill(): Promise<void> {
    return this.command.kill();
  }
}
