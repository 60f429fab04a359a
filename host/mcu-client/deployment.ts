import { spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { makeFolder } from "../common/folders.js";
import { projectRoot, wasmPath } from "../common/paths.js";
import { Background, type CommandName, type Finished, run } from "../common/processes.js";
import { EmulatedIsolate, isolateMeasurement } from "../mcu/emulated-isolate.js";
import type { EmulatedChoice } from "../mcu/toolchain.js";
import { loadIdentity } from "../veracruz-client/identity.js";
import { Policy } from "../veracruz-utils/policy.js";
import { newPrincipal } from "../x509/new-principal.js";
import { asSeenFromBoard } from "./device.js";
import type { Ready } from "./devices.js";
import { makePage } from "./page.js";
import { DEVICES, type Scenario } from "./scenarios.js";

/** What runs the trusted runtime. */
export type IsolateChoice = { kind: "process" } | ({ kind: "qemu" } & EmulatedChoice);

/** Which scenario runs, with which isolate, and where. */
export interface DeploymentOptions {
  /** New, empty, or of an earlier demo, which is removed; afterwards it holds keys, policy and data. */
  folder: string;
  /** Likewise: what devices that run elsewhere need, their pages. It may be `folder`. */
  devicesFolder: string;
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

/** What tells a demo's folder from one that somebody keeps something in. */
const MARK = ".veracruz-mcu-demo";

/**
 * Makes a folder, or empties one of an earlier demo.
 *
 * @throws CliError when it cannot be made, or holds anything else: nothing of that is touched
 */
function claimFolder(folder: string): void {
  const ours = existsSync(join(folder, MARK)) || folder.startsWith(join(projectRoot, "build", "/"));
  try {
    makeFolder(folder, 0o700);
    if (!ours && readdirSync(folder).length > 0) {
      throw new CliError(
        `${folder} holds files that are not of an earlier demo: name another folder`,
      );
    }
    rmSync(folder, { recursive: true });
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, MARK), "");
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`the folder ${folder} cannot be made: ${(error as Error).message}`);
  }
}

/** Attestation server, Veracruz server and isolate, with all that its principals need, in one folder. */
export class Deployment {
  private readonly background: Background[] = [];
  private isolateIdentity: { instanceId: string; implementationId: string } | undefined;
  private measurement = "";
  private attestation = { host: "", port: 0 };
  /** Where clients reach the Veracruz server. */
  server = { host: "", port: 0 };

  private claimed = false;
  private stopped = false;

  /** Nothing is started yet. */
  constructor(private readonly options: DeploymentOptions) {}

  /**
   * Starts everything and waits until the isolate is attested. To be followed by `stop`, whether it
   * succeeds or not; `stop` may come at any time.
   */
  async start(): Promise<void> {
    await this.identities();
    await this.startAttestation();
    await this.makePolicy();
    await this.startServer();
    this.makePages();
  }

  /** Starts a server in the background. */
  private launch(name: CommandName, args: readonly string[]): Background {
    if (this.stopped) throw new CliError(`${name} is not started: the deployment has ended`, 1);
    const server = new Background(name, args, this.options.folder);
    this.background.push(server);
    return server;
  }

  path(...names: string[]): string {
    return join(this.options.folder, ...names);
  }

  private get folders(): Set<string> {
    return new Set([this.options.folder, this.options.devicesFolder]);
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

  /** Keys, certificates, data, program: everything that exists before any server. */
  private async identities(): Promise<void> {
    const { folder, devicesFolder, scenario, generator, tell } = this.options;
    claimFolder(folder);
    if (devicesFolder !== folder) claimFolder(devicesFolder);
    this.claimed = true;
    for (const one of [...deviceNames, "owner"]) {
      const { name, certificate, key } = await newPrincipal(one);
      writeFileSync(this.path(`${name}.cert.pem`), certificate);
      writeFileSync(this.path(`${name}.key.pem`), key, { mode: 0o600 });
    }
    const script = join(projectRoot, `build/js/examples/no_std/${scenario.sample}/generate.js`);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [script, "--output-dir", this.path("data"), ...scenario.generator, ...generator],
      { encoding: "utf8" },
    );
    if (status !== 0) {
      throw new CliError(`the generator of ${scenario.sample}: ${stderr.split("\n")[0]}`, 1);
    }
    tell("data", stdout.split("\n")[0] ?? "");
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
      await this.enrolBoard(isolate);
    }
    await this.command("vc-pas", "enroll", "--from", "isolate.json");
    await this.command(
      "vc-pas",
      "allow-measurement",
      ...["--implementation-id", this.isolateIdentity?.implementationId ?? ""],
      ...["--measurement", this.measurement],
    );
    const server = this.launch("vc-pas", [
      "serve",
      ...["--host", host, "--port", String(attestationPort), "--allow-development"],
    ]);
    const { port } = await server.line((entry) => typeof entry.port === "number");
    this.attestation = { host, port: Number(port) };
    tell(
      "attestation",
      `proxy attestation server on ${host}:${port}; it knows the isolate's device`,
    );
  }

  /** Starts the board once, for it to make its secret and say who it is. */
  private async enrolBoard({ board, runtimeHost }: EmulatedChoice): Promise<void> {
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
    const server = this.launch("vc-server", [
      "policy.json",
      ...["--listen", `${host}:${serverPort}`],
      ...isolateArguments,
      ...["--root-of-trust", this.path("isolate.key")],
      ...["--proxy-attestation-server", `${this.attestation.host}:${this.attestation.port}`],
    ]);
    const { port } = await server.line((entry) => entry.msg === "listening");
    this.server = { host, port: Number(port) };
    tell("server", `Veracruz server on ${host}:${port}; it waits for the isolate's attestation`);
    await server.line((entry) => entry.msg === "ready");
    tell("isolate", `attested; it runs ${this.measurement}`);
  }

  /** What each device is provisioned with. */
  private makePages(): void {
    const { devicesFolder } = this.options;
    mkdirSync(join(devicesFolder, "pages"), { mode: 0o700 });
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
      writeFileSync(join(devicesFolder, "pages", `${name}.bin`), page, { mode: 0o600 });
    }
    const { sample } = this.options.scenario;
    const about: Ready = { sample, server: this.server, pid: process.pid, id: randomUUID() };
    // Last: whoever sees this file finds everything ready.
    for (const folder of this.folders) {
      writeFileSync(join(folder, "ready.json.new"), JSON.stringify(about));
      renameSync(join(folder, "ready.json.new"), join(folder, "ready.json"));
    }
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

  /** Ends what was started, and keeps what is not from starting. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.claimed) {
      for (const folder of this.folders) rmSync(join(folder, "ready.json"), { force: true });
    }
    for (const each of this.background.splice(0).reverse()) await each.stop();
  }
}
