// The isolate loses its power at each step of a computation, on any platform: whoever waits is told why
// in one line, the server starts the isolate again, and the next computation is right.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { VeracruzClient } from "../../host/veracruz-client/client.js";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { exampleData } from "../support/example-data.js";
import {
  exampleModule,
  failure,
  isolatePid,
  System,
  type SystemOptions,
  type TestAttestation,
  until,
} from "../support/system.js";
import { assemble } from "../support/wat.js";

/** Runs until it is stopped. */
export const endless = assemble(`(module (memory (export "memory") 1)
  (func (export "main") (result i32) (loop $forever (br $forever)) (i32.const 0)))`);

/** The example, in a module of several pieces: custom sections change nothing else. */
function longModule(bytes: number): Uint8Array {
  const section = Buffer.concat([Buffer.from([0, 127, 1, 0x78]), Buffer.alloc(125)]);
  const sections = new Array<Buffer>(Math.ceil(bytes / section.length)).fill(section);
  return Buffer.concat([exampleModule("string-edit-distance"), ...sections]);
}

const data = exampleData("string-edit-distance");
const input = (name: string) => data[name] as Uint8Array;

/**
 * Two principals who compute a distance, or run a program without end.
 *
 * @param module the one of string-edit-distance
 */
export function distanceOrEndless(
  module: Uint8Array,
): Pick<SystemOptions, "principals" | "programs"> {
  return {
    principals: {
      alice: "distance.wasm:w,endless.wasm:w,input-0:w,output:r",
      bob: "input-1:w,output:r",
    },
    programs: {
      "distance.wasm": { module, rights: "input-0:r,input-1:r,output:w" },
      "endless.wasm": { module: endless, rights: "output:w" },
    },
  };
}

/** Power cuts at each step. */
export function powerCuts(attestation: TestAttestation): void {
  const { platform } = attestation;
  const module = longModule(Math.min(40_000, platform.capacity.fileBytes / 2));
  const options: SystemOptions = {
    attestation,
    ...distanceOrEndless(module),
    policy: {
      execution_limits: { fuel: Number.MAX_SAFE_INTEGER, deadline_ms: 600_000 },
      // Once the computation is committed, it may begin again one time.
      max_restarts: 1,
    },
  };

  /** A computation from its first step to its result, by principals who agree to a restart. */
  async function computation(system: System): Promise<VeracruzClient> {
    const alice = await system.connect("alice", { acceptRestart: 2 });
    const bob = await system.connect("bob", { acceptRestart: 2 });
    assert.is((await bob.state()).state, 1, "the isolate has forgotten everything");
    await alice.sendProgram("distance.wasm", module);
    await bob.sendData("input-1", input("input-1"));
    await alice.sendData("input-0", input("input-0"));
    assert.equal(await bob.read("output", "distance.wasm"), Buffer.from(input("expected-1")));
    await alice.close();
    return bob;
  }

  /** What the server logs just when a step of the isolate's start is over. */
  const steps = {
    "in mid-boot": /^(isolate process|emulator) started$/,
    "before the policy": /^isolate connected$/,
    "after the policy": /^policy handed over$/,
    "after the attestation": /^isolate attested$/,
  } as const;

  /** The step of a computation that a power cut ends, and what then fails with which request of whom. */
  const requests: Record<string, (system: System, cut: () => void) => Promise<Promise<Error>[]>> = {
    async "in mid-transfer of a program"(system, cut) {
      const alice = await system.connect("alice");
      const { pieceBytes } = await alice.state();
      assert.ok(pieceBytes < module.length, `pieces of ${pieceBytes} bytes`);
      async function* pieces() {
        yield module.subarray(0, pieceBytes);
        // Requests are answered in order: the piece has arrived.
        await alice.state();
        cut();
        yield module.subarray(pieceBytes);
      }
      const source = { length: module.length, pieces: pieces() };
      return [failure(alice.sendProgram("distance.wasm", source))];
    },
    async "between the inputs"(system, cut) {
      const alice = await system.connect("alice");
      const bob = await system.connect("bob");
      await alice.sendProgram("distance.wasm", module);
      await alice.sendData("input-0", input("input-0"));
      cut();
      return [failure(bob.sendData("input-1", input("input-1")))];
    },
    async "during the run"(system, cut) {
      const alice = await system.connect("alice");
      const post = await system.connect("alice", { transport: "post" });
      await alice.sendProgram("endless.wasm", endless);
      const running = failure(alice.compute("endless.wasm"));
      await until("the program runs", async () => (await system.health()).isolate.running);
      const waiting = failure(post.state());
      cut();
      return [running, waiting];
    },
    async "after the result"(system, cut) {
      const bob = await computation(system);
      cut();
      return [failure(bob.read())];
    },
    async "during the shutdown"(system, cut) {
      const bob = await computation(system);
      await bob.requestShutdown();
      const alice = await system.connect("alice");
      cut();
      return [failure(alice.requestShutdown())];
    },
  };

  /** The isolate was lost once (or as often as said); it is up again, and computes what is right. */
  async function goesOn(system: System, losses = 1): Promise<void> {
    await until("the isolate is up again", async () => {
      const { status, isolate } = await system.health();
      return status === "ready" && isolate.restarts === losses;
    });
    const lost = system.logged("isolate lost");
    assert.is(lost.length, losses);
    for (const { reason } of lost) assert.match(String(reason), platform.killed);
    assert.match((await system.health()).isolate.lastFailure, platform.killed);
    await computation(system);
  }

  function assertTold(error: Error): void {
    assert.instance(error, ClientError, error.message);
    assert.is((error as ClientError).kind, "connection", error.message);
    assert.match(error.message, platform.killed);
    assert.not.match(error.message, /\n/);
  }

  for (const [step, event] of Object.entries(steps)) {
    // An isolate that never came up says why and is given up: there is nothing to come again.
    const hopeless = step === "in mid-boot";
    test(`${platform.name}: power cut ${step}, at the first start${hopeless ? "" : " and at the second"}`, async () => {
      let cuts = 0;
      const onLog: SystemOptions["onLog"] = ({ msg }, log) => {
        if (!event.test(String(msg)) || cuts === 2) return;
        cuts++;
        process.kill(isolatePid(log), "SIGKILL");
      };
      const all = { ...options, onLog };
      if (!hopeless) {
        await System.use(all, (system) => goesOn(system, 2));
        assert.is(cuts, 2);
        return;
      }
      const system = await System.start(all, false);
      assert.match((await failure(system.server.ready())).message, platform.killed);
      assert.is((await system.server.finished).status, "failed");
      assertTold(await failure(system.connect("alice")));
      await system.stop();
    });
  }

  test(`${platform.name}: power cut in mid-boot of the second start`, async () => {
    await System.use(options, async (system) => {
      const starts = () => system.log.filter(({ pid }) => pid !== undefined).length;
      system.killIsolate();
      await until("it starts again", () => starts() === 2);
      system.killIsolate();
      await goesOn(system, 2);
    });
  });

  test(`${platform.name}: power cut in mid-handshake`, async () => {
    let cutting = false;
    const onLog: SystemOptions["onLog"] = ({ msg }, log) => {
      if (!cutting || msg !== "session opened") return;
      cutting = false;
      process.kill(isolatePid(log), "SIGKILL");
    };
    await System.use({ ...options, onLog }, async (system) => {
      for (const transport of ["connect", "post"] as const) {
        cutting = true;
        const error = await failure(system.connect("alice", { transport }));
        assertTold(error);
        await until("ready again", async () => (await system.health()).status === "ready");
      }
      await goesOn(system, 2);
    });
  });

  for (const [step, request] of Object.entries(requests)) {
    test(`${platform.name}: power cut ${step}`, async () => {
      await System.use(options, async (system) => {
        const { boot } = (await system.health()).isolate;
        for (const told of await request(system, () => system.killIsolate())) {
          assertTold(await told);
        }
        await goesOn(system);
        assert.is.not((await system.health()).isolate.boot, boot);
      });
    });
  }

  test(`${platform.name}: power cut at the last consent: it ends, or goes on, and says which`, async () => {
    await System.use(options, async (system) => {
      const bob = await computation(system);
      await bob.requestShutdown();
      const alice = await system.connect("alice");
      const consent = alice.requestShutdown().then(
        () => undefined,
        (error: Error) => error,
      );
      system.killIsolate();
      const error = await consent;
      const over = async () => (await system.health()).status;
      await until("ended, or ready", async () => ["ended", "ready"].includes(await over()));
      if ((await over()) === "ended") {
        assert.match((await system.server.finished).reason, /by consent/);
      } else {
        assertTold(error as Error);
        await goesOn(system);
      }
    });
  });
}
