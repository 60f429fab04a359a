// npm run demo: a whole computation of five parties on one computer, from keys and policy to the result,
// with every step shown. Each party runs the very commands that a user would.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { ClassicReader } from "../../examples/no_std/support/classic-encoding.js";
import { CliError, runCommand } from "../common/cli.js";
import { projectRoot, wasmPath } from "../common/paths.js";
import { newPrincipal } from "./principals.js";
import { Background, type CommandName, type Finished, run } from "./processes.js";

interface Options {
  tamper: boolean;
  keep: boolean;
  commands: boolean;
}

const EXAMPLE = "private-set-intersection";
const PROVIDERS = ["hospital-a", "hospital-b", "hospital-c"] as const;
const PRINCIPALS = ["author", ...PROVIDERS, "researcher"] as const;

const bold = (text: string) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
let steps = 0;
function step(title: string): void {
  console.log(`\n${bold(`${++steps}. ${title}`)}`);
}
function tell(text: string): void {
  console.log(text.trimEnd().replace(/^/gm, "   "));
}
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

class Demo {
  private readonly folder = mkdtempSync(join(tmpdir(), "veracruz-demo-"));
  private readonly background: Background[] = [];
  private readonly program = readFileSync(wasmPath(`examples/${EXAMPLE}`));

  constructor(private readonly options: Options) {}

  private path(name: string): string {
    return join(this.folder, name);
  }

  private show(name: CommandName, args: readonly string[]): void {
    if (this.options.commands) tell(`$ ${name} ${args.join(" ")}`);
  }

  private async command(name: CommandName, args: readonly string[]): Promise<Finished> {
    this.show(name, args);
    const finished = await run(name, args, this.folder);
    if (finished.code !== 0) throw new CliError(`${name} failed: ${finished.stderr.trim()}`, 1);
    return finished;
  }

  private start(name: CommandName, args: readonly string[]): Background {
    this.show(name, args);
    const started = new Background(name, args, this.folder);
    this.background.push(started);
    return started;
  }

  /** The parties' keys, and the data that they would never show one another. */
  async keysAndData(): Promise<void> {
    step("Everyone makes a key and a certificate; three hospitals have their lists of persons");
    for (const principal of await Promise.all(PRINCIPALS.map(newPrincipal))) {
      writeFileSync(this.path(`${principal.name}.cert.pem`), principal.certificate);
      writeFileSync(this.path(`${principal.name}.key.pem`), principal.key, { mode: 0o600 });
      tell(
        `${principal.name.padEnd(12)} certificate ${sha256(Buffer.from(principal.certificate))}`,
      );
    }
    const generator = join(projectRoot, `build/js/examples/no_std/${EXAMPLE}/generate.js`);
    const size = ["--sets", "3", "--size", "40", "--common", "5"];
    const said = execFileSync(process.execPath, [generator, "--output-dir", this.folder, ...size], {
      encoding: "utf8",
    });
    tell(said.split("\n")[0] as string);
    copyFileSync(wasmPath(`examples/${EXAMPLE}`), this.path("psi.wasm"));
    tell(`author's program psi.wasm ${sha256(this.program)}, ${this.program.length} bytes`);
  }

  /** The proxy attestation server: which device, and which runtime, it believes. */
  async attestationServer(): Promise<number> {
    step("A proxy attestation server enrols the isolate's device and the runtime that it may run");
    copyFileSync(wasmPath("runtime"), this.path("runtime.wasm"));
    await this.command("vc-root-of-trust", [
      "init",
      "--key",
      "device.key",
      "--enrolment",
      "device.json",
    ]);
    await this.command("vc-pas", ["init-ca"]);
    const enrolment = JSON.parse(readFileSync(this.path("device.json"), "utf8"));
    await this.command("vc-pas", ["enroll", "--from", "device.json"]);
    await this.command("vc-pas", [
      "allow-measurement",
      ...["--implementation-id", enrolment.implementationId],
      ...["--measurement-of", "runtime.wasm"],
    ]);
    tell(`device  ${enrolment.instanceId}`);
    tell(`runtime ${sha256(readFileSync(this.path("runtime.wasm")))}`);
    const server = this.start("vc-pas", ["serve", "--port", "0", "--allow-development"]);
    const { port } = await server.line((entry) => typeof entry.port === "number");
    tell(`listens on 127.0.0.1:${port}`);
    return port as number;
  }

  /** What all of them agree on. */
  async policy(pasPort: number): Promise<void> {
    step("They agree on a policy: who may do what, which program, which runtime");
    writeFileSync(this.path("runtime.sha256"), sha256(readFileSync(this.path("runtime.wasm"))));
    const rights: Record<(typeof PRINCIPALS)[number], string> = {
      author: "psi.wasm:w",
      "hospital-a": "input-0:w",
      "hospital-b": "input-1:w",
      "hospital-c": "input-2:w",
      researcher: "output:r",
    };
    const expiry = new Date(Date.now() + 12 * 3_600_000).toUTCString().replace("GMT", "+0000");
    await this.command("vc-pgen", [
      ...PRINCIPALS.flatMap((name) => [
        "--certificate",
        `${name}.cert.pem`,
        "--capability",
        rights[name],
      ]),
      ...["--binary", "psi.wasm=psi.wasm"],
      ...["--capability", "input-0:r,input-1:r,input-2:r,output:w"],
      ...["--veracruz-server-ip", "127.0.0.1:3017"],
      ...["--proxy-attestation-server-ip", `127.0.0.1:${pasPort}`],
      ...["--proxy-attestation-server-cert", "ca.pem"],
      ...["--certificate-expiry", expiry],
      ...["--runtime-hash-file", "linux=runtime.sha256"],
      "--allow-development",
      ...["--output-policy-file", "policy.json"],
    ]);
    const check = await this.command("vc-pgen", ["--check", "policy.json"]);
    tell(check.stdout);
  }

  /** The untrusted server, with an attested isolate. Answers the port that clients use. */
  async server(pasPort: number): Promise<number> {
    step("A server that nobody trusts starts the isolate; the isolate proves what it runs");
    if (this.options.tamper) {
      const runtime = readFileSync(this.path("runtime.wasm"));
      // A byte of the module's last data segment: it still loads, but it is another runtime.
      const at = runtime.length - 1;
      runtime[at] = (runtime[at] as number) ^ 1;
      writeFileSync(this.path("runtime.wasm"), runtime);
      tell(`(one byte of runtime.wasm was changed meanwhile: it is now ${sha256(runtime)})`);
    }
    const server = this.start("vc-server", [
      "policy.json",
      ...["--listen", "127.0.0.1:0"],
      ...["--isolate", "process"],
      ...["--root-of-trust", "device.key"],
      ...["--runtime", "runtime.wasm"],
      ...["--proxy-attestation-server", `127.0.0.1:${pasPort}`],
      ...["--max-restarts", "0"],
    ]);
    const { port } = await server.line((entry) => entry.msg === "listening");
    await server.line((entry) => entry.msg === "ready");
    await this.showToken();
    tell(`listens on 127.0.0.1:${port}`);
    return port as number;
  }

  /** A token of this device over some nonce, in words. */
  private async showToken(): Promise<void> {
    const token = await this.command("vc-root-of-trust", [
      "token",
      ...["--key", "device.key"],
      ...["--runtime", "runtime.wasm"],
      ...["--nonce", "00".repeat(32)],
    ]);
    writeFileSync(this.path("token.b64"), token.stdout);
    tell("its attestation token, as vc-pas inspect shows one:");
    tell((await this.command("vc-pas", ["inspect", "token.b64"])).stdout);
  }

  private client(name: string, port: number, ...args: string[]): Promise<Finished> {
    return this.command("vc-client", [
      "policy.json",
      ...["--identity", `${name}.cert.pem`],
      ...["--key", `${name}.key.pem`],
      ...["--server", `127.0.0.1:${port}`],
      ...args,
    ]);
  }

  /** Program and data go into the isolate, each over its owner's TLS session. */
  async provision(port: number): Promise<void> {
    step("Author and hospitals check the isolate, then send program and data into it, encrypted");
    const said = await Promise.all([
      this.client("author", port, "--program", "psi.wasm=psi.wasm"),
      ...PROVIDERS.map((name, index) =>
        this.client(name, port, "--data", `input-${index}=input-${index}`),
      ),
    ]);
    for (const { stderr } of said) tell(stderr);
  }

  async result(port: number): Promise<void> {
    step("The researcher, and nobody else, gets the result");
    const { stderr } = await this.client("researcher", port, "--output", "result.bin");
    tell(stderr);
    const reader = new ClassicReader(readFileSync(this.path("result.bin")));
    const persons = reader.sequence((each) => ({
      name: each.string(),
      employeeId: each.string(),
      age: each.u8(),
      grade: each.u8(),
    }));
    tell(`persons on all three lists: ${persons.map(({ name }) => name).join(", ")}`);
    const expected = readFileSync(this.path("expected-1"));
    if (!expected.equals(readFileSync(this.path("result.bin")))) {
      throw new CliError("the result is not what the generator of the data expected", 1);
    }
  }

  async end(): Promise<void> {
    for (const each of this.background.reverse()) await each.stop();
    if (this.options.keep) console.log(`\nAll files are in ${this.folder}`);
    else rmSync(this.folder, { recursive: true, force: true });
  }
}

async function main(options: Options): Promise<void> {
  const demo = new Demo(options);
  try {
    await demo.keysAndData();
    const pasPort = await demo.attestationServer();
    await demo.policy(pasPort);
    const started = performance.now();
    const port = await demo.server(pasPort);
    await demo.provision(port);
    await demo.result(port);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`\nDone: ${seconds} s from the server's start to the result.`);
  } finally {
    await demo.end();
  }
}

await runCommand(
  new Command("demo")
    .description(
      "A whole computation of five parties on one computer: an author's program finds who is on the lists of three hospitals; only a researcher learns it.",
    )
    .option("--commands", "show each command as it is called", false)
    .option("--tamper", "change one byte of the trusted runtime after the policy was made", false)
    .option("--keep", "keep the folder with keys, policy, data and result", false)
    .addHelpText(
      "after",
      "\nExit codes: 0 the result is right, 1 a step failed (as it must with --tamper).",
    )
    .action(main),
);
