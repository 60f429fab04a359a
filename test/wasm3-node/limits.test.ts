// Fuel, deadline, cancellation, memory limit, and the two stacks.
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  CancellationFlag,
  copyMemory,
  Environment,
  LoadError,
  Trap,
} from "../../host/wasm3-node/index.js";
import { assemble } from "../support/wat.js";
import { assertThrows, assertTrap, call, loadText, trapOf } from "./support.js";

const counting = `(module (import "env" "f" (func $f)) (memory 1)
  (func $leaf)
  (func (export "straight") (call $leaf) (call $leaf))
  (func (export "loop") (param i32)
    (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "nested") (param i32) (local i32)
    (loop $outer
      (local.set 1 (i32.const 10))
      (loop $inner (br_if $inner (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
      (br_if $outer (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "host") (call $f) (call $f) (call $f))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "copy") (param i32) (memory.copy (i32.const 0) (i32.const 1) (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "endless") (loop (br 0))))`;

function counter() {
  const loaded = loadText(counting);
  loaded.module.link("env", "f", "v()", () => {});
  return loaded;
}

test("fuel counts each function entry and each loop turn, exactly", () => {
  const { runtime, module } = counter();
  const used = (name: string, ...args: number[]) => {
    runtime.setFuel(undefined);
    call(module, name, ...args);
    return runtime.fuelUsed;
  };
  assert.is(used("straight"), 3n);
  assert.is(used("loop", 1), 2n);
  assert.is(used("loop", 1000), 1001n);
  // across many slices
  assert.is(used("loop", 1_000_000), 1_000_001n);
  assert.is(used("nested", 100), 1n + 100n + 1000n);
  assert.is(used("host"), 4n);
  // calls of fib(n): 2·fib(n+1) - 1
  assert.is(used("fib", 15), 2n * 987n - 1n);
});

test("bulk memory operations count one unit for each whole 256 bytes", () => {
  const { runtime, module } = counter();
  const used = (name: string, ...args: number[]) => {
    runtime.setFuel(undefined);
    call(module, name, ...args);
    return runtime.fuelUsed;
  };
  assert.is(used("fill", 255), 1n);
  assert.is(used("fill", 256), 2n);
  assert.is(used("fill", 65536), 1n + 256n);
  assert.is(used("copy", 1000), 1n + 3n);
  assert.is(used("grow", 2), 1n + 512n);
  assert.is(used("grow", -1), 1n, "a refused growth costs nothing more");
});

test("what a host function copies is charged to the wasm that waits for it", () => {
  const { runtime, module } = loadText(counting);
  const other = loadText("(module (memory 1))").runtime;
  let length = 0;
  module.link("env", "f", "v()", () => {
    copyMemory(runtime.memory, 0, other.memory, 0, length);
    copyMemory(other.memory, 0, runtime.memory, 0, length);
  });
  const used = (bytes: number) => {
    length = bytes;
    runtime.setFuel(undefined);
    call(module, "host");
    return runtime.fuelUsed;
  };
  assert.is(used(255), 4n);
  assert.is(used(1000), 4n + 3n * 2n * 3n);
  assert.is(other.fuelUsed, 0n, "no wasm waits there");
  copyMemory(runtime.memory, 0, other.memory, 0, 65536);
  assert.is(runtime.fuelUsed, 4n + 3n * 2n * 3n, "nor here, any more");

  // the copy that is too much is not made
  length = 65536;
  other.memory.fill(0, 1, 7);
  runtime.setFuel(200n);
  const outer = assertTrap("host", () => call(module, "host"));
  assert.is((outer.cause as Trap).code, "out-of-fuel");
  assert.is(other.memory.read(0, 1)[0], 7);
});

test("a host function that copies for ever is ended at the deadline", () => {
  const { runtime, module } = loadText(counting, { deadlineMs: 50 });
  const other = loadText("(module (memory 1))").runtime;
  module.link("env", "f", "v()", () => {
    for (;;) copyMemory(runtime.memory, 0, other.memory, 0, 65536);
  });
  const trap = assertTrap("host", () => call(module, "host"));
  assert.is((trap.cause as Trap).code, "deadline");
});

test("the count adds up over calls until it is set again", () => {
  const { runtime, module } = counter();
  call(module, "loop", 10);
  call(module, "loop", 20);
  assert.is(runtime.fuelUsed, 32n);
  runtime.setFuel(100n);
  assert.is(runtime.fuelUsed, 0n);
  call(module, "loop", 10);
  assert.is(runtime.fuelUsed, 11n);
});

test("the last unit of fuel is enough, one less is not", () => {
  for (const units of [1, 2, 1023, 1024, 1025, 4096, 10_000]) {
    const { runtime, module } = counter();
    runtime.setFuel(BigInt(units) + 1n);
    call(module, "loop", units);
    assert.is(runtime.fuelUsed, BigInt(units) + 1n);
    assertTrap("out-of-fuel", () => call(module, "straight"));
    runtime.setFuel(BigInt(units));
    assertTrap("out-of-fuel", () => call(module, "loop", units));
    assert.is(runtime.fuelUsed, BigInt(units), "what was granted, no more");
    runtime.setFuel(undefined);
    call(module, "loop", units);
  }
  const { runtime, module } = counter();
  runtime.setFuel(100n);
  assertTrap("out-of-fuel", () => call(module, "fill", 65536));
  assert.is(runtime.fuelUsed, 100n);
});

test("fuel is set when the runtime is made, and zero allows nothing", () => {
  const { module } = loadText(`(module (func (export "f")))`, { fuel: 1n });
  call(module, "f");
  assertTrap("out-of-fuel", () => call(module, "f"));
  const none = loadText(`(module (func (export "f")))`, { fuel: 0n });
  assertTrap("out-of-fuel", () => call(none.module, "f"));
  for (const bad of [-1n, 2n ** 64n - 1n, 5 as unknown as bigint])
    assertThrows(RangeError, /fuel/, () => none.runtime.setFuel(bad));
});

test("a host function can look at, and change, the fuel", () => {
  const { runtime, module } = loadText(counting);
  let seen = 0n;
  module.link("env", "f", "v()", () => {
    seen = runtime.fuelUsed;
    runtime.setFuel(2n);
  });
  runtime.setFuel(1000n);
  call(module, "host");
  assert.is(seen, 1n, "the count since the last call of f");
  assert.is(runtime.fuelUsed, 0n);
});

test("the deadline ends an endless loop, and holds for each call anew", () => {
  const { runtime, module } = counter();
  runtime.setDeadline(5);
  assertTrap("deadline", () => call(module, "endless"));
  assertTrap("deadline", () => call(module, "endless"));
  runtime.setDeadline(60_000);
  call(module, "loop", 1000);
  for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    assertThrows(RangeError, /deadlineMs/, () => runtime.setDeadline(bad));
});

test("the deadline holds for compiling", () => {
  // each function costs the compiler the square of its locals
  const locals = `(local ${"i64 ".repeat(900)})`;
  const text = `(module ${`(func ${locals})`.repeat(300)})`;
  const { module } = loadText(text, { deadlineMs: 0.001 });
  assertTrap("deadline", () => module.compile());
});

test("a flag ends calls and stays until it is reset", () => {
  const cancellation = new CancellationFlag();
  const { module } = loadText(`(module (func (export "f") (result i32) i32.const 1))`, {
    cancellation,
  });
  assert.is(call(module, "f"), 1);
  cancellation.cancel();
  assert.ok(cancellation.cancelled);
  assertTrap("cancelled", () => call(module, "f"));
  cancellation.reset();
  assert.is(call(module, "f"), 1);
});

test("a worker cancels the endless loop of the thread that made it", async () => {
  const cancellation = new CancellationFlag();
  const running = new SharedArrayBuffer(4);
  const { module } = loadText(
    `(module (import "env" "f" (func $f)) (func (export "run") (call $f) (loop (br 0))))`,
    { cancellation },
  );
  const worker = new Worker(
    `const { workerData } = require("node:worker_threads");
     Atomics.wait(new Int32Array(workerData.running), 0, 0);
     Atomics.store(new Int32Array(workerData.flag), 0, 1);`,
    { eval: true, workerData: { flag: cancellation.shared, running } },
  );
  // the worker is let go when the endless call has begun
  module.link("env", "f", "v()", () => {
    Atomics.store(new Int32Array(running), 0, 1);
    Atomics.notify(new Int32Array(running), 0);
  });
  const ended = new Promise((done) => worker.once("exit", done));
  await new Promise((done) => worker.once("online", done));
  assertTrap("cancelled", () => call(module, "run"));
  await ended;
});

test("a flag is rebuilt from its shared memory", () => {
  const flag = new CancellationFlag();
  new CancellationFlag(flag.shared).cancel();
  assert.ok(flag.cancelled);
  assertThrows(TypeError, /4 shared bytes/, () => new CancellationFlag(new SharedArrayBuffer(2)));
});

test("a host function cancels the call that called it", () => {
  const { runtime, module } = loadText(counting);
  module.link("env", "f", "v()", () => {
    assert.is(runtime.cancel(), true);
  });
  assert.is(runtime.cancel(), false, "nothing is running");
  const trap = trapOf(() => call(module, "host"));
  assert.is(trap.code, "cancelled");
  assert.is(runtime.fuelUsed, 2n, "it ended at the next unit");
  call(module, "loop", 5);
});

test("memory.grow answers -1 beyond the limit, and beyond the declared maximum", () => {
  const text = (max: string) => `(module (memory 1 ${max})
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) memory.size))`;
  const limited = loadText(text(""), { memoryLimit: 3 * 65536 + 65535 });
  assert.is(call(limited.module, "grow", 3), -1);
  assert.is(call(limited.module, "grow", 2), 1);
  assert.is(call(limited.module, "grow", 1), -1);
  assert.is(call(limited.module, "grow", 0), 3);
  assert.is(call(limited.module, "size"), 3);
  assert.is(limited.runtime.memoryBytes, 3 * 65536);
  assert.is(limited.runtime.peakMemoryBytes, 3 * 65536);

  const declared = loadText(text("2"));
  assert.is(call(declared.module, "grow", 2), -1);
  assert.is(call(declared.module, "grow", 1), 1);
});

test("memory.grow takes its operand as unsigned", () => {
  const { runtime, module } = loadText(`(module (memory 5)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
  for (const pages of [-1, -4, -(2 ** 31), 65536, 2 ** 31 - 1])
    assert.is(call(module, "grow", pages), -1, `${pages}`);
  assert.is(runtime.memoryBytes, 5 * 65536);
});

test("a module that starts with more memory than the limit is refused", () => {
  assertThrows(LoadError, /ran out of memory/, () =>
    loadText("(module (memory 2))", { memoryLimit: 65536 * 2 - 1 }),
  );
  loadText("(module (memory 2))", { memoryLimit: 65536 * 2 });
  loadText("(module)", { memoryLimit: 0 });
  assertThrows(LoadError, /memory/, () => loadText("(module (memory 1))", { memoryLimit: 0 }));
  assertThrows(LoadError, /memory/, () => loadText("(module (memory 16385))"));
});

test("memory can be grown for ever, up to the limit", () => {
  const { runtime, module } = loadText(
    `(module (memory 0) (func (export "f") (result i32) (local i32)
      (loop $l (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (local.get 0)))`,
    { memoryLimit: 64 * 2 ** 20 },
  );
  assert.is(call(module, "f"), 1025);
  assert.is(runtime.memoryBytes, 64 * 2 ** 20);
});

const recursive = `(module (func $deep (export "deep") (param i32) (result i32)
  (if (result i32) (local.get 0)
    (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
    (else (i32.const 0)))))`;

test("the wasm stack bounds recursion, and its size is set", () => {
  const small = loadText(recursive, { stackSize: 4096 });
  const large = loadText(recursive, { stackSize: 65536 });
  assert.is(call(small.module, "deep", 50), 50);
  assertTrap("stack-overflow", () => call(small.module, "deep", 1000));
  assert.is(call(large.module, "deep", 1000), 1000);
  assert.is(call(small.module, "deep", 50), 50);
});

test("the native stack bounds recursion where the wasm stack does not", () => {
  const { module } = loadText(recursive, { stackSize: 2 ** 27, nativeStackLimit: 64 * 1024 });
  assert.is(call(module, "deep", 100), 100);
  assertTrap("stack-overflow", () => call(module, "deep", 1_000_000));
  // the thread's own stack is the bound, whatever the option says
  const wide = loadText(recursive, { stackSize: 2 ** 27, nativeStackLimit: 2 ** 32 - 1 });
  assertTrap("stack-overflow", () => call(wide.module, "deep", 10_000_000));
  assert.is(call(wide.module, "deep", 100), 100);
});

test("in a worker, whose stack is smaller, too", async () => {
  const worker = new Worker(new URL("./deep-worker.js", import.meta.url), {
    workerData: { bytes: assemble(recursive), times: 10_000_000 },
  });
  const code = await new Promise((done, fail) => {
    worker.once("message", done);
    worker.once("error", fail);
  });
  assert.is(code, "stack-overflow");
  await worker.terminate();
});

test("loops one after the other cost native stack as nested calls do", () => {
  const { module } = loadText(
    `(module (func (export "f") ${"(loop)".repeat(100_000)}) (func (export "g") (result i32) i32.const 1))`,
  );
  assertTrap("stack-overflow", () => call(module, "f"));
  assert.is(call(module, "g"), 1);
});

test("options out of range are RangeErrors", () => {
  const environment = new Environment();
  for (const options of [
    { stackSize: 0 },
    { stackSize: 2 ** 29 },
    { stackSize: 1.5 },
    { memoryLimit: -1 },
    { memoryLimit: 2 ** 32 },
    { nativeStackLimit: 0 },
    { deadlineMs: 0 },
    { fuel: -1n },
  ])
    assertThrows(RangeError, /must be/, () => environment.newRuntime(options));
  environment.free();
  assertThrows(Error, /environment has been freed/, () => environment.newRuntime());
});

test("a trap is an Error with a name", () => {
  const { module } = loadText(`(module (func (export "f") unreachable))`);
  const trap = trapOf(() => call(module, "f"));
  assert.instance(trap, Trap);
  assert.instance(trap, Error);
  assert.is(trap.name, "Trap");
  assert.is(trap.message, "unreachable executed");
  assert.not("cause" in trap);
});

test.run();
