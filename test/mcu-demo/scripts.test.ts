// The scripts as a user may misuse them: wrong options, ports that are taken, folders that hold something,
// and signals at any time, after which nothing may be left running.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { until } from "../support/system.js";

const scripts = [
  "run_mcu_demo_server.sh",
  "run_mcu_test_server.sh",
  "mcu-client/run_mcu_demo_client.sh",
  "mcu-client/run_mcu_test_client.sh",
];
const folder = mkdtempSync(join(tmpdir(), "vc-scripts-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const server = ["--address", "127.0.0.1", "--no-devices", "--no-install"];
const freePorts = ["--pas-port", "0", "--server-port", "0"];

test("the README's demos name isolates that there are", () => {
  const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
  const named = [...readme.matchAll(/qemu:[a-z0-9-]+(?::[a-z0-9]+)?/g)].map(([isolate]) => isolate);
  assert.ok(named.length >= 3, named.join());
  // What an option holds is checked before --help is answered.
  const check = (isolate: string) =>
    spawnSync(
      process.execPath,
      [
        join(projectRoot, "build/js/host/mcu-client/cli.js"),
        ...["demo", "--isolate", isolate, "--help"],
      ],
      { encoding: "utf8" },
    );
  for (const isolate of named) assert.is(check(isolate).status, 0, check(isolate).stderr);
  assert.is(check("qemu:mps2-an505:thumb3").status, 2);
});

/** A command under way, all of whose processes carry a mark. */
class Run {
  output = "";
  private readonly mark = `VC_TEST_MARK=${randomUUID()}`;
  private readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(command: string, args: readonly string[]) {
    const [name = "", value = ""] = this.mark.split("=");
    this.child = spawn(command, args, {
      cwd: projectRoot,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, [name]: value },
    });
    const take = (chunk: Buffer) => {
      this.output += chunk;
    };
    this.child.stdout?.on("data", take);
    this.child.stderr?.on("data", take);
    this.ended = once(this.child, "exit").then(([code]) => code as number | null);
  }

  async says(text: RegExp): Promise<void> {
    await until(`${text} in ${this.output}`, () => {
      assert.is(this.child.exitCode, null, this.output);
      return text.test(this.output);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Its processes that still run, by their command lines. */
  left(): string[] {
    return readdirSync("/proc").flatMap((id) => {
      try {
        const environment = /^\d+$/.test(id) ? readFileSync(`/proc/${id}/environ`, "latin1") : "";
        if (!environment.split("\0").includes(this.mark)) return [];
        return [readFileSync(`/proc/${id}/cmdline`, "latin1").replaceAll("\0", " ")];
      } catch {
        return []; // it has ended meanwhile
      }
    });
  }
}

async function finished(script: string, ...args: string[]) {
  const run = new Run(join(projectRoot, script), args);
  return { code: await run.ended, output: run.output };
}

for (const script of scripts) {
  test(`${script} explains itself, and refuses what it does not know before it does anything`, async () => {
    const help = await finished(script, "--help");
    assert.is(help.code, 0, help.output);
    assert.match(help.output, /^Usage: [\s\S]*--folder DIR[\s\S]*Exit codes:/);
    assert.match(help.output, new RegExp(`^Usage: \\S*${script.replace(/.*\//, "")} `));
    for (const [args, why] of [
      [["--colour"], /unknown argument: --colour/],
      [["stray"], /unknown argument: stray/],
      [["--folder"], /--folder wants a value/],
    ] as const) {
      const { code, output } = await finished(script, ...args);
      assert.is(code, 2, output);
      assert.match(output, why);
      assert.is(output.trim().split("\n").length, 1, output);
    }
    // What each option is for stands in its help.
    const known = /^VALUES="(.*)"$/m.exec(readFileSync(join(projectRoot, script), "utf8"))?.[1];
    for (const option of known?.split(" ") ?? []) assert.ok(help.output.includes(option), option);
  });
}

test("an address that is none, and one that nobody could reach, are refused", async () => {
  for (const address of ["nonsense", "0.0.0.0", "::1", "172.17.0.256"]) {
    const { code, output } = await finished("run_mcu_demo_server.sh", "--address", address);
    assert.is(code, 2, output);
    assert.ok(output.includes(`--address ${address} is no IPv4 address`), output);
  }
});

test("a folder that holds anything but a demo is left alone", async () => {
  const precious = join(folder, "precious");
  mkdirSync(precious);
  writeFileSync(join(precious, "ready.json"), "mine");
  for (const [path, why] of [
    [precious, /holds files that are not of an earlier demo/],
    [join(precious, "ready.json"), /cannot be made/],
  ] as const) {
    const { code, output } = await finished(
      "run_mcu_demo_server.sh",
      ...[...server, ...freePorts, "--folder", path],
    );
    assert.is(code, 2, output);
    assert.match(output, why);
    assert.is(readFileSync(join(precious, "ready.json"), "utf8"), "mine");
  }
});

test("a port that is taken is named", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  try {
    for (const [ports, why] of [
      [["--pas-port", String(port), "--server-port", "0"], " is in use by another program"],
      [["--pas-port", "0", "--server-port", String(port)], ": another program listens there"],
    ] as const) {
      const { code, output } = await finished(
        "run_mcu_demo_server.sh",
        ...[...server, ...ports, "--folder", join(folder, "port")],
      );
      assert.is(code, 1, output);
      assert.ok(output.includes(`127.0.0.1:${port}${why}`), output);
    }
  } finally {
    other.close();
  }
});

// Processes are found in /proc.
if (existsSync("/proc/self/environ")) {
  for (const [when, text, signal] of [
    ["while its servers start", /attestation {2}proxy attestation server on/, "SIGTERM"],
    ["while it waits for devices", /waiting for data/, "SIGINT"],
  ] as const) {
    test(`a signal ${when} ends everything`, async () => {
      const run = new Run(join(projectRoot, "run_mcu_demo_server.sh"), [
        ...[...server, ...freePorts, "--folder", join(folder, "signal")],
      ]);
      await run.says(text);
      run.signal(signal);
      assert.is(await run.ended, 130, run.output);
      await until(`nothing left of ${run.left()}`, () => run.left().length === 0);
    });
  }

  test("a signal while something is built ends what builds, too", async () => {
    const build = `import { runCommand } from "./build/js/host/mcu/toolchain.js";
      await runCommand("sh", ["-c", "sleep 600 & sleep 600"]);`;
    const args = ["--input-type=module", "--eval", build];
    const common = '. "$ROOT/mcu-client/scripts/common.sh"; step "$@"';
    const run = new Run("sh", ["-c", `ROOT=.; ${common}`, "sh", process.execPath, ...args]);
    await until(
      "a build",
      () => run.left().filter((line) => line.startsWith("sleep")).length === 2,
    );
    run.signal("SIGTERM");
    assert.is(await run.ended, 130, run.output);
    await until(`nothing left of ${run.left()}`, () => run.left().length === 0);
  });
}

for (const odd of ["a b", "a#b", "a%b", "a$b", "a'b", "a(b", "a&b"]) {
  test(`in a folder named ${odd}, firmware is refused in one line before anything else`, async () => {
    const clone = join(folder, odd);
    for (const part of [
      ...scripts,
      "mcu-client/scripts/common.sh",
      "scripts/require-node.js",
      "package.json",
    ])
      cpSync(join(projectRoot, part), join(clone, part));
    for (const part of ["build/js/host", "build/js/assembly", "mcu-client/boards"])
      cpSync(join(projectRoot, part), join(clone, part), { recursive: true });
    for (const part of ["node_modules", "build/wasm3"])
      symlinkSync(join(projectRoot, part), join(clone, part));
    const line =
      /^[^\n]*firmware cannot be built in [^\n]*: make takes no [^\n]* in a path; [^\n]*\n$/;
    for (const command of [
      ...scripts.map((script) => [join(clone, script), "--no-install"]),
      [process.execPath, join(clone, "build/js/host/mcu/cli.js"), "build"],
      ...[["build"], ["new", join(folder, "project")], ["library", "--output", folder]].map(
        (args) => [process.execPath, join(clone, "build/js/host/mcu-client/cli.js"), ...args],
      ),
    ] as [string, ...string[]][]) {
      const [name, ...args] = command;
      const run = new Run(name, args);
      assert.is.not(await run.ended, 0, command.join(" "));
      assert.match(run.output, line, command.join(" "));
    }
  });
}

test.run();
