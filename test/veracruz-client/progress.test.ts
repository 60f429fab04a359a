// Progress bars, on a terminal that `script` (util-linux) makes, and nowhere else.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { progressLine } from "../../host/veracruz-client/progress-bar.js";
import { skip } from "../support/shared.js";
import { principal, System } from "../support/system.js";

const MIB = 1024 * 1024;
const ESCAPE = "\u001b";
/** Erase to the end of the line, the line, to the end of the screen (ECMA-48, EL and ED). */
const ERASED = ["[K", "[0K", "[2K", "[J", "[0J"].map((sequence) => ESCAPE + sequence);

test("the line fits every terminal, and says how far the transfer is", () => {
  const moment = { title: "input-0", done: 3 * MIB, total: 12 * MIB, secondsLeft: 75 };
  assert.is(
    progressLine(moment, 80),
    "input-0 25% [========------------------------] 3.0 of 12.0 MiB, 1 min 15 s left",
  );
  assert.is(
    progressLine({ ...moment, secondsLeft: undefined }, 200),
    `input-0 25% [${"=".repeat(10)}${"-".repeat(30)}] 3.0 of 12.0 MiB`,
  );
  for (const title of ["x", "input-0", "a".repeat(64)]) {
    for (let columns = 1; columns < 200; columns++) {
      for (const done of [0, 5, 12 * MIB, 13 * MIB]) {
        for (const secondsLeft of [undefined, 0, 59, 7_000, 360_000]) {
          const line = progressLine({ title, done, total: 12 * MIB, secondsLeft }, columns);
          assert.ok(line.length < columns, `${columns}: ${line}`);
        }
      }
    }
  }
});

const big = randomBytes(8 * MIB);
const system = await System.start({ principals: { alice: "input-0:rw,input-1:w,output:r" } });
system.attestation.write("policy.json", system.policy.bytes);
system.attestation.write("alice.cert.pem", principal("alice").pem);
system.attestation.write("alice.key.pem", principal("alice").keyPem);
system.attestation.write("big", big);
system.attestation.write("small", big.subarray(0, 1000));
const { folder } = system.attestation;
const cli = [
  join(projectRoot, "build/js/host/veracruz-client/cli.js"),
  ...["policy.json", "-i", "alice.cert.pem", "-k", "alice.key.pem"],
  ...["--server", `127.0.0.1:${system.address.port}`],
];

function outputOf(command: string, args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const take = (chunk: Buffer) => {
    text += chunk.toString();
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, text }));
  });
}

/** What a person at a terminal of 80 columns sees of the command, control sequences included. */
function atTerminal(...args: string[]): Promise<{ code: number | null; text: string }> {
  const quoted = [process.execPath, ...cli, ...args].map((each) => `'${each}'`).join(" ");
  return outputOf("script", ["-qefc", `stty cols 80 && exec ${quoted}`, "/dev/null"]);
}

/** How far the bars of a transfer were, in per cent, in the order in which they were drawn. */
function bars(text: string, title: string): number[] {
  const drawn = text.matchAll(
    new RegExp(`${title} +(\\d+)% \\[=*-*\\] [\\d.]+ of [\\d.]+ MiB`, "g"),
  );
  return [...drawn].map(([, percent]) => Number(percent));
}

const hasScript = spawnSync("script", ["--version"]).status === 0;
const onTerminal = hasScript ? test : test.skip;
if (!hasScript) skip(2, "no `script`; it is part of util-linux");

onTerminal("on a terminal a bar moves and is gone at the end, up and down", async () => {
  for (const [title, said, args] of [
    ["input-0", `sent data input-0, ${big.length} bytes`, ["--data", "input-0=big"]],
    ["input-0", `fetched input-0, ${big.length} bytes`, ["--output", "input-0=back"]],
  ] as const) {
    const { code, text } = await atTerminal(...args);
    assert.is(code, 0, text);
    const seen = bars(text, title);
    assert.ok(new Set(seen).size >= 3, `${seen}`);
    assert.equal(
      seen,
      [...seen].sort((one, other) => one - other),
    );
    // The last thing done to its line is that it was erased; and wrapping was left alone.
    const after = text.slice(text.lastIndexOf("MiB"));
    assert.ok(
      ERASED.some((sequence) => after.includes(sequence)),
      JSON.stringify(after),
    );
    assert.match(after, new RegExp(`${said}.*\\r\\n$`));
    assert.not.ok(text.includes(`${ESCAPE}[?7l`));
  }
});

onTerminal("no bar for a small file, nor with --quiet", async () => {
  const small = await atTerminal("--data", "input-1=small");
  assert.is(small.code, 0, small.text);
  assert.match(small.text, /sent data input-1, 1000 bytes/);
  assert.not.match(small.text, /%/);
  const quiet = await atTerminal("--quiet", "--output", "input-0=back");
  assert.equal(quiet, { code: 0, text: "" });
});

test("no bar where standard error is no terminal", async () => {
  const { code, text } = await outputOf(process.execPath, [...cli, "--output", "input-0=back"]);
  assert.is(code, 0, text);
  assert.match(text, /fetched input-0/);
  assert.not.ok(text.includes("%") || text.includes(ESCAPE), text);
});

test.after(() => system.stop());
test.run();
