// Ten computations in a row on an emulated device, each under a policy of its own from attestation to reset:
// the memory in use afterwards is what it was before, by the firmware's own figures.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { missingTools } from "../../host/mcu/toolchain.js";
import { PROTOCOL_VERSION, Status } from "../../host/transport-protocol/index.js";
import { mainProgram } from "../execution-engine/programs.js";
import { example, newPrincipal } from "../runtime-manager/deployment.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { EmulatedDeployment } from "./deployment.js";
import { hostsInTurn } from "./rotation.js";

const COMPUTATIONS = 10;
const done = { type: "outcome", status: Status.SUCCESS, returnCode: 0, text: "" };
const alice = newPrincipal("alice");
const bob = newPrincipal("bob");

const name = "linear-regression";
const module = example(name);
const data = exampleData(name);
/** A program that ends in a trap: what it took must come back, too. */
const failing = mainProgram("(drop (memory.grow (i32.const 3))) unreachable");

/** Bytes in use on the firmware's heap, as it prints them when a program is gone. */
class HeapLines {
  readonly figures: number[] = [];
  readonly take = (line: string): void => {
    const match = /^program freed: heap (\d+)$/.exec(line);
    if (match) this.figures.push(Number(match[1]));
  };
}

async function compute(deployment: EmulatedDeployment): Promise<void> {
  await deployment.begin();
  const [a, b] = [await deployment.connect(alice), await deployment.connect(bob)];
  assert.equal(await a.send("program", "p.wasm", module), done);
  assert.equal(await a.send("program", "failing.wasm", failing), done);
  const input = data["input-0"] as Uint8Array;
  assert.equal(await b.send("data", "input-0", input), done);
  const failed = await a.read("output", "failing.wasm");
  assert.is((failed as { status: number }).status, Status.FAILED_VM_ERROR);
  const result = await a.read("output", "p.wasm", 4096);
  assert.ok(result instanceof Uint8Array, JSON.stringify(result));
  // One session is closed in order; the reset ends the other.
  a.close();
}

const hosts = hostsInTurn();
const reason = missingTools();
if (reason) skip(hosts.length, reason);
for (const runtimeHost of reason ? [] : hosts) {
  test(`${runtimeHost}: ${COMPUTATIONS} computations in a row leave no byte behind`, async () => {
    const heap = new HeapLines();
    const deployment = await EmulatedDeployment.start({
      board: "mps2-an505",
      runtimeHost,
      console: heap.take,
      identities: [
        { certificate: alice, capabilities: "p.wasm:w,failing.wasm:w,output:r" },
        { certificate: bob, capabilities: "input-0:w" },
      ],
      programs: [
        { name: "p.wasm", module, capabilities: "input-0:r,output:w" },
        { name: "failing.wasm", module: failing, capabilities: "output:w" },
      ],
      policy: { max_restarts: COMPUTATIONS - 1 },
    });
    try {
      const { client, policyBytes: policy } = deployment;
      const free: number[] = [];
      const reset = async () => {
        await client.ask("done", { type: "reset" });
        const { freeBytes } = await client.ask("runtimeStateIs", { type: "runtimeState" });
        free.push(freeBytes);
      };
      await reset();
      for (let i = 0; i < COMPUTATIONS; i++) {
        await client.ask("done", { type: "initialise", version: PROTOCOL_VERSION, policy });
        await compute(deployment);
        await reset();
      }
      // The runtime's memory: the largest file that fits, so fragments would show as well. It is told in
      // steps; the first computation also frees what starting left, which may be the last byte to the next step.
      assert.equal(free.slice(1), Array(COMPUTATIONS).fill(free[1]));
      assert.ok((free[0] as number) > 0 && (free[0] as number) <= (free[1] as number));
      // The interpreter's: after each program, two a computation.
      assert.equal(heap.figures, Array(2 * COMPUTATIONS).fill(heap.figures[0]));
    } catch (error) {
      console.log(deployment.isolate.board.output);
      throw error;
    } finally {
      await deployment.stop();
    }
  });
}
test.run();
