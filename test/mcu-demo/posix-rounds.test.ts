// Clients of the library on this computer that take part in a computation of several rounds: streams, the state and
// what is missing, a result in parts, several files, and an end in the middle of it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VC_E_CANCELLED, VC_E_NOT_READY, VC_E_ROLE } from "../../assembly/mcu-client/codes.js";
import { buildPosixPrograms, missingPosixTools } from "../../host/mcu-client/library.js";
import { exampleData, runScript } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { exampleModule, System } from "../support/system.js";
import { filesOf, runToEnd, sanitizers, writePage } from "./posix-process.js";
import { threeDevices } from "./scenario.js";

const SAMPLE = "number-stream-accumulation";
const ROUNDS = 3;
const missing = missingPosixTools();
if (missing) skip(2, missing);
else {
  let program: string;
  let harness: string;
  let folder: string;
  let system!: System;
  const data = exampleData(SAMPLE);
  const bytesOf = (name: string) => data[name] as Uint8Array;
  test.before(async () => {
    folder = mkdtempSync(join(tmpdir(), "vc-posix-rounds-"));
    ({ client: program, harness } = await buildPosixPrograms());
    system = await System.start({
      principals: {
        alice: "sum.wasm:w,input-0:w,output:r",
        bob: "stream-0:w",
        carol: "stream-1:w",
      },
      programs: {
        "sum.wasm": {
          module: exampleModule(SAMPLE),
          rights: "input-0:r,stream-0:r,stream-1:r,output:w",
        },
      },
      policy: { max_rounds: ROUNDS },
    });
  });
  test.after(async () => {
    await system?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const page = (name: string, content: Parameters<typeof writePage>[3]) =>
    writePage(folder, system, name, content);
  const client = async (...args: string[]) => {
    const { code, output } = await runToEnd(program, args);
    assert.not.match(output, sanitizers);
    return { code, output };
  };

  test("rounds: several files, streams, the state, what is missing, a result in a file", async () => {
    const files = {
      programs: filesOf({ "sum.wasm": exampleModule(SAMPLE) }),
      data: filesOf({ "input-0": bytesOf("input-0") }),
    };
    const early = await client(
      page("bob", { streams: filesOf({ "stream-0": bytesOf("round-1/stream-0") }) }),
    );
    assert.is(early.code, -VC_E_NOT_READY, early.output);
    assert.match(early.output, /error -19 NOT_READY, sending, .*no stream item yet/);
    const begun = await client("--state", page("alice", files));
    assert.is(begun.code, 0, begun.output);
    assert.match(begun.output, /^device: sent input-0, \d+ bytes\ndevice: sent sum\.wasm, /m);
    assert.match(
      begun.output,
      /^device: state streaming, round 1 of 3, failed runs 0 of \d+\n(?:device: missing stream-[01]\n){2}device: done, 2 files sent\n/m,
    );
    for (let round = 1; round <= ROUNDS; round++) {
      const items = [0, 1].map((n) => ({ [`stream-${n}`]: bytesOf(`round-${round}/stream-${n}`) }));
      if (round === 2) {
        // An item of the round before comes too late; a list needs room.
        const { output } = await runToEnd(harness, [
          "rounds",
          page("bob", { streams: filesOf(items[0] ?? {}) }),
        ]);
        assert.not.match(output, sanitizers);
        assert.match(output, /^harness: state 2, round 2 of 3$/m, output);
        assert.match(output, /^harness: old round: -31$/m, output);
        assert.match(output, /^harness: no room: -24, room: 0, 9 bytes: stream-0$/m, output);
        assert.match(output, /^harness: end 0$/m, output);
      }
      const bob = await client("--state", page("bob", { streams: filesOf(items[0] ?? {}) }));
      assert.is(bob.code, 0, bob.output);
      assert.match(bob.output, new RegExp(`state streaming, round ${round} of 3`));
      // He hears of his own files only.
      assert.not.match(bob.output, /missing/);
      const again = await client(page("bob", { streams: filesOf(items[0] ?? {}) }));
      assert.is(again.code, -VC_E_NOT_READY, again.output);
      const carol = await client(page("carol", { streams: filesOf(items[1] ?? {}) }));
      assert.is(carol.code, 0, carol.output);
      const output = join(folder, `output-${round}`);
      const read = await runScript("build/js/host/mcu-client/cli.js", [
        ...["run", "--posix", "--state", "--output", output],
        ...["--page", page("alice", { result: "output" })],
      ]);
      assert.is(read.code, 0, `${read.stdout}${read.stderr}`);
      assert.match(read.stdout, new RegExp(`state ready, round ${round} of 3`));
      assert.ok(readFileSync(output).equals(bytesOf(`expected-${round}`)));
      if (round === ROUNDS) break;
      const others = await client("--next-round", page("carol", {}));
      assert.is(others.code, -VC_E_ROLE, others.output);
      assert.match(others.output, /error -18 ROLE, ending a round/);
      const next = await client("--next-round", "--state", page("alice", {}));
      assert.is(next.code, 0, next.output);
      assert.match(next.output, new RegExp(`state streaming, round ${round + 1} of 3`));
    }
    const last = await client("--next-round", page("alice", {}));
    assert.is(last.code, 20, last.output);
    assert.match(last.output, /no further round/);
  });

  test("a signal cancels: the client ends at once, and the next one takes its place", async () => {
    const options = threeDevices("shamir-secret-sharing");
    options.principals["device-2"] = "input-2:rw";
    const other = await System.start(options);
    const big = new Uint8Array(50_000).fill(7);
    const read = { result: "input-2" };
    try {
      const waits = writePage(folder, other, "device-2", {
        data: filesOf({ "input-2": big }),
        ...read,
      });
      const first = await runToEnd(program, [waits], (line) =>
        line.startsWith("vc: isolate attested") ? "SIGINT" : undefined,
      );
      assert.not.match(first.output, sanitizers);
      assert.is(first.code, -VC_E_CANCELLED, first.output);
      assert.match(first.output, /^device: CANCELLED, 0 files sent\n/m);
      const output = join(folder, "input");
      const second = await client("--output", output, waits);
      assert.is(second.code, 0, second.output);
      assert.ok(readFileSync(output).equals(Buffer.from(big)));
      const nowhere = await client(
        ...["--output", join(folder, "none/input"), writePage(folder, other, "device-2", read)],
      );
      assert.is(nowhere.code, 1, nowhere.output);
      assert.match(nowhere.output, /the file cannot be written/);
    } finally {
      await other.stop();
    }
  });
}

test.run();
