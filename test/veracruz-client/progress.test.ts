// Progress bars, on a terminal that `script` (util-linux) makes, and nowhere else.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
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

/** Which way a file goes: to the server, or from it. */
type Way = "up" | "down";

/**
 * A relay in front of the server that lets a bounded number of bytes through the way that the file goes, until it is
 * told to let more through: a transfer stands still until what it has done is on the screen.
 */
class Relay {
  private allowed = Number.POSITIVE_INFINITY;
  private way: Way = "up";
  private readonly waiting: (() => void)[] = [];
  private readonly listener = createServer((client) => {
    const server = connect(system.address);
    for (const [from, to, way] of [
      [client, server, "up"],
      [server, client, "down"],
    ] as const) {
      // A peer that is gone takes the other along; the command under test says what that means.
      pipeline(from, (bytes: Socket) => this.held(bytes, way), to).catch(() => undefined);
    }
  });

  private async *held(source: Socket, way: Way): AsyncGenerator<Buffer> {
    for await (const bytes of source) {
      while (way === this.way && this.allowed <= 0)
        await new Promise<void>((go) => this.waiting.push(go));
      if (way === this.way) this.allowed -= bytes.length;
      yield bytes;
    }
  }

  async start(): Promise<number> {
    await new Promise<void>((listening) => this.listener.listen(0, "127.0.0.1", listening));
    return (this.listener.address() as AddressInfo).port;
  }

  /** From now on, lets through so many bytes that way, and no more. */
  allow(bytes: number, way: Way): void {
    this.allowed = bytes;
    this.way = way;
    for (const go of this.waiting.splice(0)) go();
  }

  stop(): void {
    this.listener.close();
  }
}

const relay = new Relay();
const cli = [
  join(projectRoot, "build/js/host/veracruz-client/cli.js"),
  ...["policy.json", "-i", "alice.cert.pem", "-k", "alice.key.pem"],
  ...["--server", `127.0.0.1:${await relay.start()}`],
];

function outputOf(
  command: string,
  args: string[],
  seen: (text: string) => void = () => undefined,
): Promise<{ code: number | null; text: string }> {
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const take = (chunk: Buffer) => {
    text += chunk.toString();
    seen(text);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, text }));
  });
}

/** What a person at a terminal of 80 columns sees of the command, control sequences included. */
function atTerminal(
  args: readonly string[],
  seen?: (text: string) => void,
): Promise<{ code: number | null; text: string }> {
  const quoted = [process.execPath, ...cli, ...args].map((each) => `'${each}'`).join(" ");
  return outputOf("script", ["-qefc", `stty cols 80 && exec ${quoted}`, "/dev/null"], seen);
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
  for (const [way, title, said, args] of [
    ["up", "input-0", `sent data input-0, ${big.length} bytes`, ["--data", "input-0=big"]],
    ["down", "input-0", `fetched input-0, ${big.length} bytes`, ["--output", "input-0=back"]],
  ] as const) {
    let last = -1;
    relay.allow(MIB, way);
    const { code, text } = await atTerminal(args, (soFar) => {
      const now = bars(soFar, title).at(-1) ?? -1;
      if (now > last) relay.allow(MIB, way);
      last = now;
    });
    relay.allow(Number.POSITIVE_INFINITY, way);
    assert.is(code, 0, text);
    const seen = bars(text, title);
    // Less than a ninth of the file went through between one bar and the next.
    assert.ok(new Set(seen).size >= 7, `${seen}`);
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
  const small = await atTerminal(["--data", "input-1=small"]);
  assert.is(small.code, 0, small.text);
  assert.match(small.text, /sent data input-1, 1000 bytes/);
  assert.not.match(small.text, /%/);
  const quiet = await atTerminal(["--quiet", "--output", "input-0=back"]);
  assert.equal(quiet, { code: 0, text: "" });
});

test("no bar where standard error is no terminal", async () => {
  const { code, text } = await outputOf(process.execPath, [...cli, "--output", "input-0=back"]);
  assert.is(code, 0, text);
  assert.match(text, /fetched input-0/);
  assert.not.ok(text.includes("%") || text.includes(ESCAPE), text);
});

test.after(() => {
  relay.stop();
  return system.stop();
});
test.run();
