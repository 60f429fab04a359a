import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { projectRoot, wasmPath } from "../common/paths.js";
import { newPrincipal } from "../demo/principals.js";
import { Background, type CommandName, type Finished, run } from "../demo/processes.js";
import { EmulatedIsolate, isolateMeasurement } from "../mcu/emulated-isolate.js";
import type { EmulatedBoard, Host } from "../mcu/toolchain.js";
import { loadIdentity } from "../veracruz-client/identity.js";
import { Policy } from "../veracruz-utils/policy.js";
import { asSeenFromBoard } from "./device.js";
import type { Ready } from "./devices.js";
import { makePage } from "./page.js";
import { DEVICES, type Scenario } from "./scenarios.js";

/** What runs the trusted runtime. */
export type IsolateChoice =
  | { kind: "process" }
  | { kind: "qemu"; board: EmulatedBoard; runtimeHost: Host };

export interface DeploymentOptions {
  /** Emptied first; afterwards it holds keys, policy, data and pages. */
  folder: string;
  scenario: Scenario;
  isolate: IsolateChoice;
  /** Address of both servers; ports, 0 for any free one. */
  host: string;
  attestationPort: number;
  serverPort: number;
  /** More options of the scenario's generator of data. */
  generator: readonly string[];
  /** Says what is going on, in one line. */
  tell: (who: string, text: string) => void;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const deviceNames = Array.from({ length: DEVICES }, (_, index) => `device-${index}`);

/** Attestation server, Veracruz server and isolate, with all that its principals need, in one folder. */
export class Deployment {
  private readonly background: Background[] = [];
  private isolateIdentity: { instanceId: string; implementationId: string } | undefined;
  private measurement = "";
  private attestation = { host: "", port: 0 };
  /** Where clients reach the Veracruz server. */
  server = { host: "", port: 0 };

  private constructor(private readonly options: DeploymentOptions) {}

  /** Starts everything and waits until the isolate is attested. */
  static async start(options: DeploymentOptions): Promise<Deployment> {
    const deployment = new Deployment(options);
    try {
      await deployment.identities();
      await deployment.startAttestation();
      await deployment.makePolicy();
      await deployment.startServer();
      deployment.makePages();
      return deployment;
    } catch (error) {
      await deployment.stop();
      throw error;
    }
  }

  path(...names: string[]): string {
    return join(this.options.folder, ...names);
  }

  get programName(): string {
    return `${this.options.scenario.sample}.wasm`;
  }

  private async command(name: CommandName, ...args: string[]): Promise<Finished> {
    const finished = await run(name, args, this.options.folder);
    if (finished.code !== 0) {
      throw new CliError(`${name} ${args[0]} failed: ${finished.stderr.trim()}`, 1);
    }
    return finished;
  }

  /** Keys, certificates, data, program: everything that is there before any server. */
  private async identities(): Promise<void> {
    const { folder, scenario, generator, tell } = this.options;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const { name, certificate, key } of await Promise.all(
      [...deviceNames, "owner"].map(newPrincipal),
    )) {
      writeFileSync(this.path(`${name}.cert.pem`), certificate);
      writeFileSync(this.path(`${name}.key.pem`), key, { mode: 0o600 });
    }
    const script = join(projectRoot, `build/js/examples/no_std/${scenario.sample}/generate.js`);
    const said = execFileSync(
      process.execPath,
      [script, "--output-dir", this.path("data"), ...scenario.generator, ...generator],
      { encoding: "utf8" },
    );
    tell("data", said.split("\n")[0] ?? "");
    copyFileSync(wasmPath(`examples/${scenario.sample}`), this.path(this.programName));
  }

  /** Enrols the isolate's device and what it may run, then starts the proxy attestation server. */
  private async startAttestation(): Promise<void> {
    const { isolate, host, attestationPort, tell } = this.options;
    await this.command("vc-pas", "init-ca");
    if (isolate.kind === "process") {
      copyFileSync(wasmPath("runtime"), this.path("runtime.wasm"));
      this.measurement = sha256(readFileSync(this.path("runtime.wasm")));
      await this.command(
        "vc-root-of-trust",
        "init",
        "--key",
        "isolate.key",
        "--enrolment",
        "isolate.json",
      );
      this.isolateIdentity = JSON.parse(readFileSync(this.path("isolate.json"), "utf8"));
    } else {
      await this.enrolBoard(isolate.board, isolate.runtimeHost);
    }
    await this.command("vc-pas", "enroll", "--from", "isolate.json");
    await this.command(
      "vc-pas",
      "allow-measurement",
      ...["--implementation-id", this.isolateIdentity?.implementationId ?? ""],
      ...["--measurement", this.measurement],
    );
    const server = new Background(
      "vc-pas",
      ["serve", "--host", host, "--port", String(attestationPort), "--allow-development"],
      this.options.folder,
    );
    this.background.push(server);
    const { port } = await server.line((entry) => typeof entry.port === "number");
    this.attestation = { host, port: Number(port) };
    tell(
      "attestation",
      `proxy attestation server on ${host}:${port}; it knows the isolate's device`,
    );
  }

  /** Starts the board once, for it to make its secret and say who it is. */
  private async enrolBoard(board: EmulatedBoard, runtimeHost: Host): Promise<void> {
    this.options.tell("isolate", `${board} makes its secret and says who it is`);
    const first = await EmulatedIsolate.start({
      board,
      runtimeHost,
      state: this.path("isolate.key"),
    });
    writeFileSync(this.path("isolate.json"), JSON.stringify(first.enrolment()));
    this.isolateIdentity = first.enrolment();
    this.measurement = isolateMeasurement(board, runtimeHost);
    await first.close();
  }

  private async makePolicy(): Promise<void> {
    const { isolate, host, serverPort, tell } = this.options;
    // With any free port, clients are told the real one beside the policy.
    const policyPort = serverPort === 0 ? 3017 : serverPort;
    writeFileSync(this.path("runtime.sha256"), this.measurement);
    const kind = isolate.kind === "process" ? "linux" : "mcu";
    const expiry = new Date(Date.now() + 12 * 3_600_000).toUTCString().replace("GMT", "+0000");
    const inputs = deviceNames.map((_, index) => `input-${index}:r`).join(",");
    await this.command(
      "vc-pgen",
      ...deviceNames.flatMap((name, index) => [
        ...["--certificate", `${name}.cert.pem`],
        ...["--capability", `input-${index}:w`],
      ]),
      ...["--certificate", "owner.cert.pem"],
      ...["--capability", `${this.programName}:w,output:r`],
      ...["--binary", `${this.programName}=${this.programName}`],
      ...["--capability", `${inputs},output:w`],
      ...["--veracruz-server-ip", `${host}:${policyPort}`],
      ...["--proxy-attestation-server-ip", `${host}:${this.attestation.port}`],
      ...["--proxy-attestation-server-cert", "ca.pem"],
      ...["--certificate-expiry", expiry],
      ...["--runtime-hash-file", `${kind}=runtime.sha256`],
      "--allow-development",
      ...["--output-policy-file", "policy.json"],
    );
    tell("policy", `SHA-256 ${sha256(readFileSync(this.path("policy.json")))}, agreed on by all`);
  }

  private async startServer(): Promise<void> {
    const { isolate, host, serverPort, tell } = this.options;
    const isolateArguments =
      isolate.kind === "process"
        ? ["--isolate", "process", "--runtime", "runtime.wasm"]
        : ["--isolate", `qemu:${isolate.board}:${isolate.runtimeHost}`];
    const server = new Background(
      "vc-server",
      [
        "policy.json",
        ...["--listen", `${host}:${serverPort}`],
        ...isolateArguments,
        ...["--root-of-trust", this.path("isolate.key")],
        ...["--proxy-attestation-server", `${this.attestation.host}:${this.attestation.port}`],
      ],
      this.options.folder,
    );
    this.background.push(server);
    const { port } = await server.line((entry) => entry.msg === "listening");
    this.server = { host, port: Number(port) };
    tell("server", `Veracruz server on ${host}:${port}; it waits for the isolate's attestation`);
    await server.line((entry) => entry.msg === "ready");
    tell("isolate", `attested; it runs ${this.measurement}`);
  }

  /** What each device is provisioned with. */
  private makePages(): void {
    mkdirSync(this.path("pages"), { mode: 0o700 });
    const policy = this.policy();
    for (const [index, name] of deviceNames.entries()) {
      const page = makePage({
        policy,
        identity: this.identity(name),
        server: asSeenFromBoard(this.server),
        data: [
          { name: `input-${index}`, bytes: readFileSync(this.path("data", `input-${index}`)) },
        ],
      });
      writeFileSync(this.path("pages", `${name}.bin`), page, { mode: 0o600 });
    }
    const { sample } = this.options.scenario;
    const about: Ready = { sample, server: this.server, pid: process.pid, id: randomUUID() };
    // Last: whoever sees this file finds everything ready.
    writeFileSync(this.path("ready.json.new"), JSON.stringify(about));
    renameSync(this.path("ready.json.new"), this.path("ready.json"));
  }

  policy(): Policy {
    return new Policy(readFileSync(this.path("policy.json")));
  }

  identity(name: string) {
    return loadIdentity(
      readFileSync(this.path(`${name}.cert.pem`)),
      readFileSync(this.path(`${name}.key.pem`), "utf8"),
    );
  }

  async stop(): Promise<void> {
    rmSync(this.path("ready.json"), { force: true });
    for (const each of this.background.splice(0).reverse()) await each.stop();
  }
}
