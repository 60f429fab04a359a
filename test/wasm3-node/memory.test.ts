// Copies in and out of linear memory, views that cannot dangle, copies between runtimes.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyMemory, Environment } from "../../host/wasm3-node/index.js";
import { assertThrows, call, loadText } from "./support.js";

const text = `(module (memory (export "memory") 1 10) (data (i32.const 8) "hello")
  (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "set") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`;

test("read gives a copy, write and fill reach the wasm side", () => {
  const { runtime, module } = loadText(text);
  const { memory } = runtime;
  assert.is(memory.byteLength, 65536);
  const copy = memory.read(8, 5);
  assert.is(Buffer.from(copy).toString(), "hello");
  copy[0] = 0;
  assert.is(call(module, "get", 8), 0x68);
  memory.write(65534, Uint8Array.of(1, 2));
  assert.is(call(module, "get", 65535), 2);
  memory.write(100, Buffer.from("abc"));
  assert.is(call(module, "get", 102), 0x63);
  memory.fill(200, 3, 0xee);
  assert.equal([...memory.read(199, 5)], [0, 0xee, 0xee, 0xee, 0]);
  memory.fill(200, 3);
  assert.equal([...memory.read(199, 5)], [0, 0, 0, 0, 0]);
  const target = new Uint8Array(10).fill(9);
  memory.readInto(8, target.subarray(2, 7));
  assert.is(Buffer.from(target.subarray(2, 7)).toString(), "hello");
  assert.is(target[1], 9);
  assert.is(target[7], 9);
});

test("every range is checked, before anything is allocated", () => {
  const { memory } = loadText(text).runtime;
  for (const [address, length] of [
    [65536, 1],
    [0, 65537],
    [65535, 2],
    [2 ** 32, 1],
    [0, 2 ** 32],
    [2 ** 53 - 1, 2 ** 53 - 1],
    [0, 2 ** 52],
  ] as const) {
    assert.is(memory.check(address, length), false);
    assertThrows(RangeError, /lies outside the memory of 65536 bytes/, () =>
      memory.read(address, length),
    );
    assertThrows(RangeError, /lies outside/, () => memory.fill(address, length));
  }
  assertThrows(RangeError, /lies outside/, () => memory.write(65535, new Uint8Array(2)));
  assertThrows(RangeError, /lies outside/, () => memory.readInto(65535, new Uint8Array(2)));
  assert.is(memory.check(65536, 0), true);
  assert.is(memory.check(65537, 0), false);
  assert.is(memory.read(65536, 0).length, 0);
  memory.write(65536, new Uint8Array(0));
  for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", 1n, undefined, 2 ** 53])
    assertThrows(TypeError, /whole number/, () => memory.check(bad as number, 0));
  assertThrows(TypeError, /Uint8Array/, () => memory.write(0, [1] as unknown as Uint8Array));
  assertThrows(TypeError, /Uint8Array/, () =>
    memory.write(0, new Uint16Array(1) as unknown as Uint8Array),
  );
  assertThrows(TypeError, /0 to 255/, () => memory.fill(0, 1, 256));
});

test("a view is the memory itself", () => {
  const { runtime, module } = loadText(text);
  const view = runtime.memory.view();
  assert.is(view.length, 65536);
  view[300] = 77;
  assert.is(call(module, "get", 300), 77);
  call(module, "set", 301, 78);
  assert.is(view[301], 78);
  assert.is(runtime.memory.view().buffer, view.buffer, "one buffer for all views");
});

test("a view is empty once the memory has grown, even inside a call", () => {
  const { runtime, module } = loadText(text);
  const view = runtime.memory.view();
  view[300] = 77;
  assert.is(call(module, "grow", 1), 1);
  assert.is(view.length, 0);
  assert.is(view.buffer.byteLength, 0);
  assert.is(view[300], undefined);
  const next = runtime.memory.view();
  assert.is(next.length, 2 * 65536);
  assert.is(next[300], 77);
  assert.is(call(module, "grow", 100), -1);
  assert.is(next.length, 2 * 65536, "a growth that failed changed nothing");

  const inside = loadText(`(module (import "env" "f" (func $f)) (memory 1)
    (func (export "run") (call $f) (drop (memory.grow (i32.const 1))) (call $f)))`);
  const lengths: number[] = [];
  let kept: Uint8Array | undefined;
  inside.module.link("env", "f", "v()", () => {
    kept ??= inside.runtime.memory.view();
    lengths.push(kept.length, inside.runtime.memory.view().length);
  });
  call(inside.module, "run");
  assert.equal(lengths, [65536, 65536, 0, 131072]);
});

test("a view is empty once the runtime is freed", () => {
  const { runtime } = loadText(text);
  const view = runtime.memory.view();
  const buffer = view.buffer;
  runtime.free();
  assert.is(view.length, 0);
  assert.is(buffer.byteLength, 0);
  assert.is(view[0], undefined);
  view[0] = 1;
  assert.is(view[0], undefined);
});

test("a view cannot be moved out of its runtime's reach", () => {
  const { runtime } = loadText(text);
  const view = runtime.memory.view();
  // Node copies what it must not transfer, or refuses to; from 21 on buffers have `transfer`.
  try {
    const clone = structuredClone(view, { transfer: [view.buffer] });
    assert.is.not(clone.buffer, view.buffer);
  } catch (error) {
    assert.is((error as Error).name, "DataCloneError");
  }
  assert.is(view.length, 65536);
  const buffer = view.buffer as ArrayBuffer & Record<string, () => ArrayBuffer>;
  for (const method of ["transfer", "transferToFixedLength"])
    assertThrows(TypeError, /cannot be transferred/, () => buffer[method]?.());
  assert.is(view.length, 65536);
});

test("a view keeps the memory under it, whatever else is forgotten", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const view = (() => loadText(text).runtime.memory.view())();
  const subarray = view.subarray(8, 13);
  for (let i = 0; i < 10; i++) {
    gc();
    await new Promise((done) => setImmediate(done));
    // reuse of freed memory would show
    new Environment().newRuntime().free();
  }
  assert.is(Buffer.from(subarray).toString(), "hello");
});

test("a module without memory has one of 0 bytes", () => {
  const { memory } = loadText("(module)").runtime;
  assert.is(memory.byteLength, 0);
  assert.is(memory.view().length, 0);
  assert.is(memory.read(0, 0).length, 0);
  assertThrows(RangeError, /lies outside/, () => memory.read(0, 1));
  const unloaded = new Environment().newRuntime().memory;
  assert.is(unloaded.byteLength, 0);
  assert.is(unloaded.view().length, 0);
});

test("bytes go from one runtime's memory to another's", () => {
  const from = loadText(text).runtime.memory;
  const to = loadText(text).runtime.memory;
  assert.is(copyMemory(from, 8, to, 1000, 5), true);
  assert.is(Buffer.from(to.read(1000, 5)).toString(), "hello");
  assert.is(copyMemory(to, 1000, to, 1002, 5), true, "overlapping, within one memory");
  assert.is(Buffer.from(to.read(1000, 7)).toString(), "hehello");
  for (const [a, b, length] of [
    [65532, 0, 5],
    [0, 65532, 5],
    [2 ** 32 - 1, 0, 2],
    [0, 0, 2 ** 32 - 1],
    [65537, 0, 0],
  ] as const) {
    const before = to.read(0, 65536);
    assert.is(copyMemory(from, a, to, b, length), false);
    assert.equal(to.read(0, 65536), before);
  }
  assertThrows(TypeError, /whole number/, () => copyMemory(from, -1, to, 0, 1));
  assertThrows(TypeError, /memories of runtimes/, () => copyMemory({} as never, 0, to, 0, 1));
});

test("what was freed is not seen by the next runtime", () => {
  const environment = new Environment();
  for (let i = 0; i < 20; i++) {
    const runtime = environment.newRuntime();
    const { runtime: loaded, module } = loadText(text);
    assert.is(call(module, "get", 4000), 0);
    loaded.memory.fill(0, 65536, 0xaa);
    loaded.free();
    runtime.free();
  }
});

test.run();
