// npm run demo: two parties compute one result from their secret data, by the very commands that a user would type.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { Command } from "commander";
import { CliError, runCommand } from "../common/cli.js";
import { makeFolder } from "../common/folders.js";
import { freePort } from "../common/free-port.js";
import { interruptible } from "../common/interruption.js";
import { projectRoot, wasmPath } from "../common/paths.js";
import { ClassicReader } from "../program-data/classic-encoding.js";
import { inStyle } from "../veracruz/output.js";

interface Options {
  tamper: boolean;
  keep?: string | true;
  verbose: boolean;
}

const EXAMPLE = "private-set-intersection";
const PARTIES = ["hospital-a", "hospital-b"] as const;
const command = join(projectRoot, "build/js/host/veracruz/cli.js");

const bold = (text: string) => inStyle("bold", text);

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

class Demo {
  readonly folder: string;
  private readonly environment: NodeJS.ProcessEnv;
  private running: ChildProcess | undefined;
  private isUp = false;

  constructor(private readonly options: Options) {
    this.folder =
      typeof options.keep === "string"
        ? claimed(resolve(options.keep))
        : mkdtempSync(join(tmpdir(), "veracruz-demo-"));
    // Keys and what was accepted stay in the demo's folder: it leaves this user's own alone.
    this.environment = {
      ...process.env,
      XDG_CONFIG_HOME: join(this.folder, "config"),
      XDG_STATE_HOME: join(this.folder, "state"),
    };
  }

  private path(name: string): string {
    return join(this.folder, name);
  }

  title(text: string): void {
    console.log(`\n${bold(text)}`);
  }

  /** Shows a command, runs it in the demo's folder, and shows what it says. */
  private async veracruz(
    line: string,
    { into = "", mayFail = false, brief = false } = {},
  ): Promise<Outcome> {
    console.log(`  $ veracruz ${line}${into && ` > ${into}`}`);
    const words = [
      ...line.split(" "),
      ...(this.options.verbose && !/^(init|up)/.test(line) ? ["--verbose"] : []),
    ];
    const outcome = await new Promise<Outcome>((done) => {
      const child = spawn(process.execPath, [command, ...words], {
        cwd: this.folder,
        env: this.environment,
        stdio: ["ignore", "pipe", "pipe"],
      });
      this.running = child;
      const said = { stdout: "", stderr: "" };
      for (const stream of ["stdout", "stderr"] as const)
        child[stream].on("data", (chunk) => {
          said[stream] += chunk;
        });
      child.on("close", (code) => done({ code: code ?? 1, ...said }));
    });
    this.running = undefined;
    if (into !== "") writeFileSync(this.path(into), outcome.stdout);
    const shown = `${into === "" && !brief ? outcome.stdout : ""}${outcome.stderr}`.replaceAll(
      `${this.folder}/`,
      "",
    );
    for (const each of shown.split("\n").filter((text) => text.trim() !== ""))
      console.log(`    ${each}`);
    if (outcome.code !== 0 && !mayFail) throw new CliError(`veracruz ${line} failed`, 1);
    return outcome;
  }

  /** What a user would have: data, a program, and a plan. */
  async files(): Promise<void> {
    const generator = join(projectRoot, `build/js/examples/no_std/${EXAMPLE}/generate.js`);
    const size = ["--sets", "2", "--size", "40", "--common", "5"];
    const { status, stderr } = spawnSync(
      process.execPath,
      [generator, "--output-dir", this.folder, ...size],
      {
        encoding: "utf8",
      },
    );
    if (status !== 0) throw new CliError(`cannot make data: ${stderr.trim()}`, 1);
    copyFileSync(wasmPath(`examples/${EXAMPLE}`), this.path("psi.wasm"));
    const [server, attestation] = [await freePort(), await freePort()];
    writeFileSync(
      this.path("plan.yaml"),
      `# Two hospitals find out which persons are on both of their lists.
parties:
  hospital-a:
    contact: hospital-a.contact
    sends: [psi.wasm, input-0]
  hospital-b:
    contact: hospital-b.contact
    sends: input-1
    reads: output
programs:
  psi.wasm: psi.wasm
server: 127.0.0.1:${server}
attestation:
  server: 127.0.0.1:${attestation}
ends: +12h
# None: an isolate that is lost ends this computation. With one, a reader could learn a second answer.
restarts: 0
`,
    );
  }

  async agree(): Promise<void> {
    this.title("Each party makes a key, once, and hands its contact over");
    for (const name of PARTIES)
      await this.veracruz(`init --as ${name}`, { into: `${name}.contact` });
    this.title("One of them plans: who sends what, who reads the result, which program runs");
    await this.veracruz("plan plan.yaml");
    this.title("Both read the same words, and accept what they mean");
    for (const name of PARTIES)
      await this.veracruz(`review policy.json --as ${name} --accept`, { brief: true });
  }

  /** A runtime that is not the one agreed on: the attestation server must not vouch for it. */
  async refuse(): Promise<void> {
    this.title("Somebody changes one byte of the trusted runtime, and brings the computation up");
    const runtime = readFileSync(wasmPath("runtime"));
    // A byte of the module's last data segment: it still loads, but it is another runtime.
    const at = runtime.length - 1;
    runtime[at] = (runtime[at] as number) ^ 1;
    writeFileSync(this.path("changed-runtime.wasm"), runtime);
    const { code, stderr } = await this.veracruz(
      "up policy.json --runtime changed-runtime.wasm --detach",
      {
        mayFail: true,
      },
    );
    this.isUp = code === 0;
    if (code === 0 || !stderr.includes("measurement-not-allowed"))
      throw new CliError("the changed runtime was not refused for its measurement", 1);
    this.title("A party comes all the same, and sends nothing");
    const send = await this.veracruz("send --as hospital-a psi.wasm psi.wasm input-0 input-0", {
      mayFail: true,
    });
    if (send.code === 0 || send.stderr.includes("sent "))
      throw new CliError("something was sent", 1);
    console.log(
      `\n${bold("Blocked")}: an isolate that is not the one agreed on gets no certificate, and no data.`,
    );
  }

  async compute(): Promise<void> {
    this.title("Anybody brings it up: the server is not trusted, the isolate proves what it runs");
    await this.veracruz("up policy.json --detach");
    this.isUp = true;
    this.title("The parties check the isolate, and send into it, encrypted");
    await this.veracruz("send --as hospital-a psi.wasm psi.wasm input-0 input-0");
    await this.veracruz("send --as hospital-b input-1 input-1");
    this.title("Who may read the result, and nobody else, fetches it");
    await this.veracruz("fetch --as hospital-b output -o result.bin");
    this.isUp = false;
    const result = readFileSync(this.path("result.bin"));
    if (!result.equals(readFileSync(this.path("expected-1"))))
      throw new CliError("the result is not what the generator of the data expected", 1);
    const persons = new ClassicReader(result).sequence((each) => {
      const name = each.string();
      each.string();
      each.u8();
      each.u8();
      return name;
    });
    console.log(`\n${bold("On both lists")}: ${persons.join(", ")}. Nobody saw the rest.`);
  }

  next(): void {
    const at = relative(process.cwd(), projectRoot) || ".";
    const example = join(at, "examples/no_std");
    this.title("Next, with your own files");
    console.log(`  Write a program (assembly/sdk/README.md; ${example} has some), and try it alone on your data:
    vc-fee --program program.wasm --data FILE
  Then do as above: CLI_QUICKSTART.md has each step, docs/plan.md every word of a plan.
    veracruz plan --new plan.yaml alice.contact bob.contact
  npm run demo -- --tamper shows what happens to a changed runtime; --keep FOLDER leaves everything there to look at.`);
  }

  /** Ends what runs, and removes the folder unless it is wanted. */
  async end(): Promise<void> {
    this.running?.kill("SIGTERM");
    if (this.isUp)
      spawnSync(process.execPath, [command, "up", "policy.json", "--stop"], {
        cwd: this.folder,
        env: this.environment,
        stdio: "ignore",
      });
    if (this.options.keep === undefined) rmSync(this.folder, { recursive: true, force: true });
    else console.log(`\nEverything is in ${this.folder}`);
  }
}

/** A folder of the user's choice, which must be new or empty. */
function claimed(folder: string): string {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new CliError(`--keep ${JSON.stringify(folder)}: it is not empty`);
  makeFolder(folder);
  return folder;
}

async function main(options: Options): Promise<void> {
  const demo = new Demo(options);
  await interruptible(
    async () => {
      console.log(
        "Two hospitals want to know which persons are on both of their lists. Neither shows its list to anybody.",
      );
      await demo.files();
      await demo.agree();
      if (options.tamper) await demo.refuse();
      else await demo.compute();
      demo.next();
    },
    () => demo.end(),
  );
}

await runCommand(
  new Command("demo")
    .description(
      "A whole computation of two parties on one computer: a program finds who is on both of their lists, and one of them learns it.",
    )
    .option(
      "--tamper",
      "change one byte of the trusted runtime after the policy was made, and see it refused",
      false,
    )
    .option(
      "--keep [folder]",
      "leave keys, plan, policy, data and result there (default: in a folder of their own)",
    )
    .option("--verbose", "show hashes", false)
    .addHelpText(
      "after",
      "\nExit codes: 0 the result is right, or with --tamper the change was refused; 1 a step failed.",
    )
    .action(main),
);
