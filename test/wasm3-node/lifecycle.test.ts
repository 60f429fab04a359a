// Ten thousand lives, two threads, and what the garbage collector finds.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Environment, type Runtime } from "../../host/wasm3-node/index.js";
import { assemble } from "../support/wat.js";
import { assertTrap } from "./support.js";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const bytes = assemble(`(module (import "env" "twice" (func $twice (param i32) (result i32)))
  (memory (export "memory") 2) (table 2 funcref) (elem (i32.const 0) $main)
  (global $g (mut i64) (i64.const 77)) (data (i32.const 100) "data")
  (func $main (export "main") (param i32) (result i32)
    (drop (memory.grow (i32.const 1)))
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))
    (call $twice (i32.add (local.get 0) (i32.const 1234567))))
  (func (export "trap") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))`);

/** One life: load, link, run, trap, view, free. */
function live(environment: Environment, i: number): void {
  const runtime = environment.newRuntime({ memoryLimit: 2 ** 20 });
  const module = runtime.load(bytes);
  module.link("env", "twice", "i(i)", (n) => n * 2);
  const view = runtime.memory.view();
  assert.is(module.findFunction("main").call(i), (i + 1234567) * 2);
  assert.is(view.length, 0);
  assertTrap("division-by-zero", () => module.findFunction("trap").call(0));
  runtime.free();
}

/** Resident bytes after collection. */
async function resident(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((done) => setImmediate(done));
  }
  return process.memoryUsage.rss();
}

const MiB = 2 ** 20;

test("10,000 lives in one environment leak nothing", async () => {
  const environment = new Environment();
  for (let i = 0; i < 2000; i++) live(environment, i);
  const before = await resident();
  const { external } = process.memoryUsage();
  for (let i = 0; i < 10_000; i++) live(environment, i);
  const after = await resident();
  const growth = (after - before) / 10_000;
  console.log(
    `\n10,000 lives: resident ${(before / MiB).toFixed(1)} MiB before, ${(after / MiB).toFixed(1)} MiB after, ${growth.toFixed(0)} bytes a life`,
  );
  // A life holds 64 KiB of stack, 192 KiB of memory, 32 KiB of code and 11 KiB of runtime: to leak the smallest of them
  // is 100 MiB. The heaps of V8 and of the C library may well spread a little.
  assert.ok(after - before < 40 * MiB, `${growth} bytes a life`);
  // what the addon told the garbage collector that it holds is exact
  assert.ok(Math.abs(process.memoryUsage().external - external) < 100_000);
});

test("3,000 lives with an environment each leak nothing", async () => {
  const one = (i: number): void => {
    const environment = new Environment();
    live(environment, i);
    environment.free();
    environment.free();
  };
  for (let i = 0; i < 1000; i++) one(i);
  const before = await resident();
  for (let i = 0; i < 3000; i++) one(i);
  const after = await resident();
  assert.ok(after - before < 30 * MiB, `${(after - before) / 3000} bytes a life`);
});

test("runtimes that were never freed are collected, host functions that refer to them and all", async () => {
  const forget = (environment: Environment): void => {
    const runtime: Runtime = environment.newRuntime({ stackSize: 2 ** 20 });
    const module = runtime.load(bytes);
    // a cycle through native memory, if there were a strong reference there
    module.link("env", "twice", "i(i)", (n) => (runtime.memoryBytes > 0 ? n * 2 : 0));
    assert.is(module.findFunction("main").call(0), 1234567 * 2);
    runtime.memory.fill(0, runtime.memory.byteLength, 1);
  };
  const environment = new Environment();
  const round = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) forget(environment);
    await resident();
  };
  for (let i = 0; i < 3; i++) await round();
  const before = await resident();
  for (let i = 0; i < 6; i++) await round();
  const after = await resident();
  // 300 lives of more than 1 MiB each
  assert.ok(after - before < 48 * MiB, `grew by ${(after - before) / MiB} MiB`);
});

test("a failed load leaks nothing", async () => {
  const environment = new Environment();
  const cut = bytes.subarray(0, bytes.length - 20);
  const fail = (): void => {
    const runtime = environment.newRuntime();
    assert.throws(() => runtime.load(cut));
    runtime.free();
  };
  for (let i = 0; i < 500; i++) fail();
  const before = await resident();
  for (let i = 0; i < 2000; i++) fail();
  assert.ok((await resident()) - before < 16 * MiB);
});

test("two workers at once, each with runtimes of its own", async () => {
  const run = (seed: number): Promise<number> =>
    new Promise((done, fail) => {
      const worker = new Worker(new URL("./lives-worker.js", import.meta.url), {
        workerData: { bytes, seed, lives: 300 },
      });
      worker.once("message", done);
      worker.once("error", fail);
    });
  // this thread works, too
  const both = Promise.all([run(1), run(2)]);
  const environment = new Environment();
  for (let i = 0; i < 100; i++) live(environment, i);
  assert.equal(await both, [300, 300]);
});

test("a worker that ends in the middle takes its runtimes with it", async () => {
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(new URL("./lives-worker.js", import.meta.url), {
      workerData: { bytes, seed: i, lives: Number.POSITIVE_INFINITY },
    });
    await new Promise((done) => worker.once("online", done));
    await worker.terminate();
  }
});

test.run();
