// The platform interface is one file: what is declared, what the host implements, and what the modules
// import agree.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import loadWabt from "wabt";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { describeCode, platformCodes } from "../../host/isolate/codes.js";
import { withMemoryMaximum } from "../../host/isolate/memory-maximum.js";
import { assemble } from "../support/wat.js";

const read = (path: string) => readFileSync(join(projectRoot, path), "utf8");
const declared = [
  ...read("assembly/platform-services/platform.ts").matchAll(/export declare function (\w+)/g),
].map(([, name]) => name as string);

test("every declared function is implemented by the host, and nothing else is", () => {
  const implementation = read("host/isolate/platform.ts");
  const table = implementation.slice(implementation.indexOf("private functions()"));
  const implemented = [...table.matchAll(/^ {6}(\w+): \[/gm)].map(([, name]) => name as string);
  assert.equal(implemented.sort(), [...declared].sort());
});

test("the runtime's modules import the platform interface and nothing else", () => {
  for (const name of ["engine", "runtime"]) {
    const module = new WebAssembly.Module(readFileSync(wasmPath(name)));
    for (const wanted of WebAssembly.Module.imports(module)) {
      assert.is(wanted.module, "platform");
      assert.ok(declared.includes(wanted.name), wanted.name);
    }
  }
});

test("every module of the trusted runtime validates with the features that wasm3 runs, and no more", async () => {
  const wabt = await loadWabt();
  for (const name of ["engine", "runtime", "attestation", "checker"]) {
    const module = wabt.readWasm(new Uint8Array(readFileSync(wasmPath(name))), {
      reference_types: false,
      multi_value: false,
      simd: false,
      threads: false,
      tail_call: false,
    });
    module.validate();
    const text = module.toText({});
    module.destroy();
    // Of bulk memory only copy and fill are run.
    assert.not.match(text, /\b(memory\.init|data\.drop|table\.\w+|elem\.drop)\b/, name);
    assert.not.match(text, /\(start /, name);
  }
});

test("the engine's module keeps to its size", () => {
  assert.ok(readFileSync(wasmPath("engine")).length <= 16 * 1024);
});

test("each platform code has its words", () => {
  for (const [name, code] of Object.entries(platformCodes))
    assert.not.match(describeCode(code), /^code /, name);
});

test("a memory's maximum is lowered, never raised, and the module stays valid", () => {
  const maximumOf = (declaration: string, pages: number) => {
    const bounded = withMemoryMaximum(
      assemble(`(module (memory (export "m") ${declaration}) (func (export "g") (param i32) (result i32)
        (memory.grow (local.get 0))))`),
      pages,
    );
    if (bounded === undefined) return undefined;
    const { m, g } = new WebAssembly.Instance(new WebAssembly.Module(bounded))
      .exports as unknown as {
      m: WebAssembly.Memory;
      g: (pages: number) => number;
    };
    while (g(1) >= 0);
    return m.buffer.byteLength / 65536;
  };
  assert.is(maximumOf("1", 5), 5);
  assert.is(maximumOf("1 3", 5), 3);
  assert.is(maximumOf("1 300", 200), 200);
  assert.is(maximumOf("5", 5), 5);
  assert.is(maximumOf("6", 5), undefined);
  const none = assemble("(module (func))");
  assert.equal([...(withMemoryMaximum(none, 1) as Uint8Array)], [...none]);
});

test.run();
