// The checker itself on hostile bytes: it never traps, never writes beyond the block it asked for, and
// says under wasm3, where it runs in an isolate, what it says elsewhere.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { Checker, decodeReport, profiles, reportNames } from "../../host/wasm-checker/checker.js";
import { Environment } from "../../host/wasm3-node/index.js";
import { Random } from "../support/random.js";
import { mutants } from "./fuzz/modules.js";
import { hostileModules } from "./hostile-modules.js";

const MUTANTS = 15_000;

interface Guarded {
  readonly memory: WebAssembly.Memory;
  _initialize?(): void;
  allocate(length: number): number;
  free(pointer: number): void;
  checkGuarded(pointer: number, length: number, profile: number): number;
}
const guarded = new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(wasmPath("testing/wasm-checker"))),
).exports as unknown as Guarded;
guarded._initialize?.();

function checkGuarded(module: Uint8Array, profile: number): number {
  const pointer = guarded.allocate(module.length) >>> 0;
  new Uint8Array(guarded.memory.buffer, pointer, module.length).set(module);
  const code = guarded.checkGuarded(pointer, module.length, profile);
  guarded.free(pointer);
  return code;
}

/** Mutated modules, hostile ones, and noise behind a valid header. */
function* inputs(): Generator<Uint8Array> {
  yield* mutants(4, MUTANTS);
  for (const { module } of hostileModules) yield module();
  const random = new Random(5);
  for (let round = 0; round < 3000; round++) {
    const length = random.below(200);
    const noise = Array.from({ length }, () => random.below(random.oneIn(2) ? 13 : 256));
    yield Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...noise]);
  }
}

test("no write beyond the workspace, whatever the bytes", () => {
  const checkers = profiles.map((profile) => new Checker(profile));
  for (const module of inputs()) {
    for (const [profile, checker] of checkers.entries()) {
      const expected = checker.check(module).code;
      // What is too large for the profile is refused before there is a workspace.
      if (module.length > checker.limits.moduleBytes) continue;
      assert.is(checkGuarded(module, profile), expected, Buffer.from(module).toString("hex"));
    }
  }
});

test("under wasm3 the reports are the same", () => {
  const environment = new Environment();
  const runtime = environment.newRuntime({ stackSize: 65536 });
  const module = runtime.load(readFileSync(wasmPath("checker")), "checker");
  const call = (name: string, ...args: number[]): number =>
    (module.findFunction(name).call(...args) as number) >>> 0;
  module.findFunction("_initialize").call();
  call("limits", 0);
  const inV8 = new Checker("host");
  let count = 0;
  for (const bytes of mutants(6, 2000)) {
    const pointer = call("allocate", bytes.length);
    runtime.memory.write(pointer, bytes);
    call("check", pointer, bytes.length);
    module.findFunction("free").call(pointer);
    const words = runtime.memory.read(call("report"), reportNames.length * 4);
    const report = decodeReport(new Uint32Array(words.slice().buffer));
    assert.equal(report, inV8.check(bytes), Buffer.from(bytes).toString("hex"));
    count++;
  }
  assert.is(count, 2000);
  runtime.free();
  environment.free();
});

test.run();
