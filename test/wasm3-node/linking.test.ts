// Host functions, calls back and forth, bridges from one runtime to another.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  CompileError,
  Environment,
  LinkError,
  type Module,
  type Runtime,
  Trap,
} from "../../host/wasm3-node/index.js";
import { assemble } from "../support/wat.js";
import {
  assertThrows,
  assertTrap,
  call,
  loadText,
  moduleWithBody,
  nestedBlocks,
  trapOf,
} from "./support.js";

const importing = `(module (import "env" "f" (func $f (param i32 i64 f32 f64) (result i64)))
  (import "env" "g" (func $g))
  (func (export "callF") (result i64) (call $f (i32.const -5) (i64.const -7) (f32.const 1.5) (f64.const 0.1)))
  (func (export "callG") (call $g)))`;

test("a host function gets and gives values of every type", () => {
  const { module } = loadText(importing);
  const seen: unknown[] = [];
  module.link("env", "f", { params: ["i32", "i64", "f32", "f64"], results: ["i64"] }, (...args) => {
    seen.push(...args);
    return -(2n ** 63n);
  });
  module.link("env", "g", "v()", () => "what a function without result returns is ignored");
  assert.is(call(module, "callF"), -(2n ** 63n));
  assert.equal(seen, [-5, -7n, 1.5, 0.1]);
  assert.is(call(module, "callG"), undefined);
});

for (const [letter, type, value] of [
  ["i", "i32", -1],
  ["I", "i64", -1n],
  ["f", "f32", 0.5],
  ["F", "f64", 0.1],
] as const)
  test(`a host function that returns an ${type}`, () => {
    const { module } = loadText(
      `(module (import "env" "f" (func $f (result ${type}))) (func (export "g") (result ${type}) call $f))`,
    );
    let result: unknown = value;
    module.link("env", "f", `${letter}()`, () => result);
    assert.is(call(module, "g"), value);
    for (const wrong of [undefined, null, "1", {}, Promise.resolve(1), type === "i64" ? 1 : 1n]) {
      result = wrong;
      const trap = assertTrap("host", () => call(module, "g"));
      assert.instance(trap.cause, TypeError);
      assert.match((trap.cause as Error).message, new RegExp(`for an ${type}, got`));
    }
  });

test("what a host function throws becomes the trap's cause", () => {
  const { runtime, module } = loadText(importing);
  let thrown: unknown;
  module.link("env", "f", "I(iIfF)", () => 0n);
  module.link("env", "g", "v()", () => {
    throw thrown;
  });
  for (const value of [new RangeError("too far"), "a string", 7, undefined, null, Symbol("s")]) {
    thrown = value;
    const trap = assertTrap("host", () => call(module, "callG"));
    assert.is(trap.cause, value);
    assert.ok("cause" in trap);
  }
  // what is thrown may be hostile itself; the second one frees the runtime while its trap is made
  for (const value of [
    new Proxy(new Error(), {
      getPrototypeOf: () => {
        throw new Error("from the proxy");
      },
    }),
    Object.defineProperty(new Error(), "message", {
      get: () => {
        runtime.free();
        throw new Error("from the getter");
      },
    }),
  ]) {
    thrown = value;
    assert.is(assertTrap("host", () => call(module, "callG")).cause, value);
  }
});

test("an error's words are the trap's, too", () => {
  const { module } = loadText(importing);
  module.link("env", "f", "I(iIfF)", () => 0n);
  module.link("env", "g", "v()", () => {
    throw new RangeError("too far");
  });
  assert.match(trapOf(() => call(module, "callG")).message, /host function failed: too far/);
  assert.is(call(module, "callF"), 0n);
});

test("linking names what is wrong", () => {
  const { module } = loadText(importing);
  const no = () => {};
  assertThrows(LinkError, /does not import a function env\.h/, () =>
    module.link("env", "h", "v()", no),
  );
  assertThrows(LinkError, /does not import a function other\.g/, () =>
    module.link("other", "g", "v()", no),
  );
  assertThrows(
    LinkError,
    /imports env\.f as \(i32, i64, f32, f64\) -> i64, not \(i32\) -> i64/,
    () => module.link("env", "f", "I(i)", no),
  );
  assertThrows(TypeError, /malformed function type/, () => module.link("env", "g", "bad", no));
  assertThrows(TypeError, /not a function/, () => module.link("env", "g", "v()", 1 as never));
  assertThrows(LinkError, /imports not linked: env\.f, env\.g/, () => module.compile());
  module.link("env", "g", "v()", no);
  assertThrows(LinkError, /imports not linked: env\.f$/, () => module.findFunction("callG"));
  module.link("env", "f", "I(iIfF)", no);
  module.compile();
  assertThrows(Error, /before the module is compiled/, () => module.link("env", "g", "v()", no));
});

test("a name that is imported twice is linked twice, with its own type each", () => {
  const { module } = loadText(`(module (import "env" "f" (func $a (result i32)))
    (import "env" "f" (func $b (result i32)))
    (func (export "sum") (result i32) (i32.add (call $a) (call $b))))`);
  let n = 0;
  module.link("env", "f", "i()", () => ++n);
  assert.is(call(module, "sum"), 3);
  const two = loadText(
    `(module (import "env" "f" (func (result i32))) (import "env" "f" (func (param i32))))`,
  );
  assertThrows(LinkError, /imports env\.f as \(i32\) -> \(\)/, () =>
    two.module.link("env", "f", "i()", () => 1),
  );
});

test("a function above wasm3's limits is a CompileError", () => {
  const { module } = loadText(`(module (func (export "f") (local ${"i32 ".repeat(5000)})))`);
  assertThrows(CompileError, /stack height limit/, () => module.compile());
  const nested = new Environment().newRuntime().load(moduleWithBody(nestedBlocks(20_000)));
  assertThrows(CompileError, /more native stack/, () => nested.compile());
  const shallow = new Environment().newRuntime().load(moduleWithBody(nestedBlocks(100)));
  assert.is(call(shallow, "f"), undefined);
});

test("an imported function is called through a table", () => {
  const { module } = loadText(`(module (import "env" "f" (func $f (result i32)))
    (table 1 funcref) (elem (i32.const 0) $f)
    (func (export "g") (result i32) (call_indirect (result i32) (i32.const 0))))`);
  module.link("env", "f", "i()", () => 9);
  assert.is(call(module, "g"), 9);
});

test("an exported import is called directly", () => {
  const { module } = loadText(
    `(module (import "env" "f" (func $f (param i32) (result i32))) (export "f" (func $f)))`,
  );
  module.link("env", "f", "i(i)", (n) => n * 2);
  assert.is(call(module, "f", 21), 42);
});

test("a host function calls back into its own runtime, which may grow its memory", () => {
  const { runtime, module } =
    loadText(`(module (import "env" "f" (func $f (param i32) (result i32)))
    (memory 1)
    (func (export "outer") (param i32) (result i32)
      (i32.store (i32.const 16) (i32.const 1000))
      (i32.add (call $f (local.get 0)) (i32.load (i32.const 16))))
    (func (export "inner") (param i32) (result i32)
      (drop (memory.grow (i32.const 3)))
      (i32.store (i32.const 16) (i32.const 2000))
      (i32.mul (local.get 0) (i32.const 2))))`);
  module.link("env", "f", "i(i)", (n) => (call(module, "inner", n) as number) + 1);
  assert.is(call(module, "outer", 7), 15 + 2000);
  assert.is(runtime.memoryBytes, 4 * 65536);
});

/** A chain of runtimes: each calls the next one through a host function, the last one answers. */
function chain(depth: number, last: (n: number) => number): { first: Module; runtimes: Runtime[] } {
  const bytes = assemble(`(module (import "env" "next" (func $next (param i32) (result i32)))
    (func (export "run") (param i32) (result i32)
      (i32.add (call $next (i32.add (local.get 0) (i32.const 1))) (i32.const 100))))`);
  const environment = new Environment();
  const runtimes: Runtime[] = [];
  let next: (n: number) => number = last;
  let module: Module | undefined;
  for (let i = 0; i < depth; i++) {
    const runtime = environment.newRuntime();
    const below = next;
    module = runtime.load(bytes, `level ${i}`);
    module.link("env", "next", "i(i)", (n) => below(n));
    const run = module.findFunction("run");
    next = (n) => run.call(n) as number;
    runtimes.push(runtime);
  }
  return { first: module as Module, runtimes };
}

test("program → runtime → program, twenty levels deep", () => {
  const { first } = chain(20, (n) => n * 10_000);
  assert.is(call(first, "run", 0), 20 * 10_000 + 20 * 100);
});

test("an error at the bottom of twenty levels is found through the causes", () => {
  const bottom = new Error("bottom");
  const { first, runtimes } = chain(20, () => {
    throw bottom;
  });
  let error: unknown = trapOf(() => call(first, "run", 0));
  let levels = 0;
  for (; error instanceof Trap; error = error.cause) {
    levels++;
    assert.is(error.code, "host");
  }
  assert.is(levels, 20);
  assert.is(error, bottom);
  for (const runtime of runtimes) runtime.free();
});

test("a runtime that runs cannot be freed; others can, and can be made", () => {
  const environment = new Environment();
  const other = environment.newRuntime();
  const runtime = environment.newRuntime();
  const module = runtime.load(assemble(importing));
  let error: unknown;
  module.link("env", "f", "I(iIfF)", () => 0n);
  module.link("env", "g", "v()", () => {
    try {
      runtime.free();
    } catch (caught) {
      error = caught;
    }
    other.free();
    environment.newRuntime().load(assemble(importing));
    assertThrows(Error, /given a module/, () => runtime.load(assemble(importing)));
  });
  call(module, "callG");
  assert.match((error as Error).message, /cannot be freed while one of its functions is running/);
  assert.is(call(module, "callF"), 0n);
  runtime.free();
  runtime.free();
});

test("after free, everything says so", () => {
  const { runtime, module } = loadText(`(module (memory 1) (global (export "g") i32 (i32.const 1))
    (func (export "f")))`);
  const f = module.findFunction("f");
  runtime.free();
  for (const use of [
    () => f.call(),
    () => module.getGlobal("g"),
    () => runtime.memory.byteLength,
    () => runtime.memory.read(0, 1),
    () => runtime.memory.view(),
    () => runtime.setFuel(1n),
    () => runtime.fuelUsed,
    () => runtime.cancel(),
    () => runtime.load(assemble("(module)")),
  ])
    assertThrows(Error, /this runtime has been freed/, use);
  assert.is(runtime.peakMemoryBytes, 65536);
});

const engineText = `(module (import "platform" "note" (func $note (param i32)))
  (memory (export "memory") 1) (global (export "calls") (mut i32) (i32.const 0))
  (func (export "hcall") (param i32 i32 i32 i32 i32) (result i32)
    (global.set 0 (i32.add (global.get 0) (i32.const 1)))
    (if (i32.eq (local.get 1) (i32.const 99)) (then (call $note (local.get 2))))
    (if (i32.eq (local.get 1) (i32.const 98)) (then unreachable))
    (if (i32.eq (local.get 1) (i32.const 97)) (then (loop (br 0))))
    ;; handle + 10·number + 100·a + 1000·b + 10000·c
    (i32.add (local.get 0) (i32.add (i32.mul (local.get 1) (i32.const 10))
      (i32.add (i32.mul (local.get 2) (i32.const 100))
        (i32.add (i32.mul (local.get 3) (i32.const 1000)) (i32.mul (local.get 4) (i32.const 10000))))))))`;
const programText = `(module (import "env" "one" (func $one (param i32) (result i32)))
  (import "env" "three" (func $three (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "one") (param i32) (result i32) (i32.add (call $one (local.get 0)) (i32.const 0)))
  (func (export "three") (result i32) (call $three (i32.const 1) (i32.const 2) (i32.const 3))))`;

function bridged(numberOfOne = 4, trapAbove?: number) {
  const engine = loadText(engineText);
  const notes: number[] = [];
  engine.module.link("platform", "note", "v(i)", (n) => {
    notes.push(n);
    if (n === 13) throw new Error("unlucky");
  });
  const hcall = engine.module.findFunction("hcall");
  const program = loadText(programText);
  const options = trapAbove === undefined ? {} : { trapAbove };
  program.module.bridge("env", "one", hcall, { leading: [7, numberOfOne], ...options });
  program.module.bridge("env", "three", hcall, { leading: [7, 5], ...options });
  return { engine, program, notes, hcall };
}

test("a bridge calls the other runtime with leading constants, the arguments, and zeros", () => {
  const { engine, program } = bridged();
  assert.is(call(program.module, "one", 2), 7 + 40 + 200);
  assert.is(call(program.module, "three"), 7 + 50 + 100 + 2000 + 30000);
  assert.is(engine.module.getGlobal("calls"), 2);
});

test("behind a bridge, the other runtime still calls its own host functions", () => {
  const { program, notes } = bridged(99);
  call(program.module, "one", 5);
  assert.equal(notes, [5]);
  const trap = assertTrap("host", () => call(program.module, "one", 13));
  assert.instance(trap.cause, Trap);
  assert.is((trap.cause as Trap).code, "host");
  assert.is(((trap.cause as Trap).cause as Error).message, "unlucky");
});

test("a trap behind a bridge is the cause of the caller's, with its own backtrace", () => {
  const { program } = bridged(98);
  const trap = assertTrap("host", () => call(program.module, "one", 1));
  const cause = trap.cause as Trap;
  assert.is(cause.code, "unreachable");
  assert.is(cause.backtrace[0]?.function, "hcall");
  assert.equal(
    trap.backtrace.map((frame) => frame.function),
    ["one", "one"],
  );
});

test("each side of a bridge has its own fuel and limits", () => {
  const { engine, program } = bridged(97);
  engine.runtime.setFuel(1000n);
  const trap = assertTrap("host", () => call(program.module, "one", 1));
  assert.is((trap.cause as Trap).code, "out-of-fuel");
  assert.is(engine.runtime.fuelUsed, 1000n);
  assert.is(program.runtime.fuelUsed, 2n);
});

test("trapAbove turns an answer into a trap", () => {
  const { program } = bridged(4, 300);
  assert.is(call(program.module, "one", 2), 247);
  assertTrap("aborted", () => call(program.module, "one", 3));
  assert.is(call(program.module, "one", -5), 7 + 40 - 500);
});

test("a runtime behind a bridge that was freed ends the call, not the process", () => {
  const { engine, program } = bridged();
  engine.runtime.free();
  const trap = assertTrap("host", () => call(program.module, "one", 2));
  assert.match(trap.message, /behind the bridge has been freed/);
  program.runtime.free();
});

test("a runtime behind a bridge cannot be freed while it runs", () => {
  const { engine, program } = bridged(99);
  const target = loadText(engineText);
  target.module.link("platform", "note", "v(i)", () => target.runtime.free());
  const caller = loadText(programText);
  const hcall = target.module.findFunction("hcall");
  caller.module.bridge("env", "one", hcall, { leading: [0, 99] });
  caller.module.bridge("env", "three", hcall, { leading: [0, 5] });
  const trap = assertTrap("host", () => call(caller.module, "one", 1));
  assert.match(((trap.cause as Trap).cause as Error).message, /cannot be freed while/);
  engine.runtime.free();
  program.runtime.free();
});

test("a bridge keeps what it leads to from being collected", async () => {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const program = (() => bridged(99).program)();
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((done) => setImmediate(done));
  }
  assert.is(call(program.module, "one", 5), 7 + 990 + 500);
});

test("bridges that do not fit are LinkErrors", () => {
  const { hcall } = bridged();
  const program = loadText(programText);
  const refuse = (message: RegExp, name: string, options: object, target = hcall) =>
    assertThrows(LinkError, message, () => program.module.bridge("env", name, target, options));
  refuse(/does not import a function env\.two/, "two", {});
  refuse(/does not fit/, "three", { leading: [1, 2, 3] });
  refuse(/does not fit/, "one", { leading: [1, 2, 3, 4, 5] });
  assertThrows(TypeError, /for an i32/, () =>
    program.module.bridge("env", "one", hcall, { leading: [1n, 2] }),
  );
  assertThrows(RangeError, /trapAbove/, () =>
    program.module.bridge("env", "one", hcall, { trapAbove: 1.5 }),
  );
  const other = loadText(`(module (func (export "f") (param i64) (result i32) i32.const 1)
    (func (export "g") (param i32)))`);
  refuse(/does not fit/, "one", {}, other.module.findFunction("f"));
  refuse(/does not fit/, "one", {}, other.module.findFunction("g"));
  assertThrows(TypeError, /a bridge leads to a WasmFunction/, () =>
    program.module.bridge("env", "one", (() => 1) as never),
  );
  const self = loadText(
    `(module (import "env" "f" (func)) (func (export "g")) (export "h" (func 0)))`,
  );
  self.module.link("env", "f", "v()", () => {});
  const g = self.module.findFunction("g");
  assertThrows(LinkError, /another runtime/, () => self.module.bridge("env", "f", g));
});

test("i64 and floats go through a bridge", () => {
  const target = loadText(`(module (func (export "f") (param f64 i64 f32) (result f64)
    (f64.add (local.get 0) (f64.add (f64.convert_i64_s (local.get 1)) (f64.promote_f32 (local.get 2))))))`);
  const caller = loadText(`(module (import "env" "f" (func $f (param i64 f32) (result f64)))
    (func (export "g") (result f64) (call $f (i64.const -3) (f32.const 0.25))))`);
  caller.module.bridge("env", "f", target.module.findFunction("f"), { leading: [0.5] });
  assert.is(call(caller.module, "g"), -2.25);
});

test.run();
