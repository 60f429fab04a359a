// Programs of tool chains that know nothing of Veracruz, as their compilers make them: each is accepted and gives what it
// should, or is refused with a hint, and built as the hint says it is accepted.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { loadCompiler } from "../support/quick-compiler.js";
import { skip } from "../support/shared.js";
import { canCompileC } from "./c-compiler.js";
import { rusts } from "./rust-compiler.js";

const { default: asc } = await loadCompiler();

const folder = mkdtempSync(join(tmpdir(), "vc-hold-outs-"));
const engine = new FreestandingEngine();
test.after(() => {
  engine.free();
  rmSync(folder, { recursive: true, force: true });
});

type Build = () => Uint8Array | Promise<Uint8Array>;

/** A program that must be accepted, and its result. */
interface Accepted {
  readonly what: string;
  readonly build: Build;
  readonly result: string;
}
/** One that is refused: the hint, and the build that it leads to. */
interface Refused extends Accepted {
  readonly first: Build;
  readonly hint: RegExp;
}

/** The module that a command writes at the path behind `-o`. */
function make(command: string, options: readonly string[], file: string): Uint8Array {
  const out = join(folder, "program.wasm");
  rmSync(out, { force: true });
  const source = join(projectRoot, "test/sdk/fixtures/hold-outs", file);
  const { status, stderr } = spawnSync(command, [...options, source, "-o", out], {
    encoding: "utf8",
    cwd: folder,
  });
  assert.is(status, 0, `${command} ${options.join(" ")} ${file}: ${stderr}`);
  return new Uint8Array(readFileSync(out));
}

const bare = ["--target=wasm32", "-nostdlib", "-Wl,--allow-undefined", "-Wl,--no-entry"];
const clang =
  (file: string, ...options: string[]): Build =>
  () =>
    make(
      "clang",
      [...bare, ...(file.endsWith(".c") ? ["-Wl,--export=main"] : []), ...options],
      file,
    );
const wasi =
  (...options: string[]): Build =>
  () =>
    make("clang", ["--target=wasm32-wasi", "-O2", ...options], "libc.c");

async function check({ what, build, result }: Accepted): Promise<void> {
  const program = await build();
  const inputs = [Buffer.from("hello")];
  for (const strategy of ["interp", "jit"] as const) {
    const outcome = engine.run({ program, inputs, strategy });
    assert.is(outcome.reason, undefined, `${what}: ${outcome.reason}`);
    assert.is(outcome.returnCode, 0, what);
    assert.is(Buffer.from(outcome.result ?? []).toString("hex"), result, `${what}, ${strategy}`);
  }
}

const plain = "04000000cdccd4420500000000000000";
const inC: readonly Accepted[] = [
  ...["-O0", "-O1", "-Os", "-Oz", "-O2", "-O3"].map((level) => ({
    what: `clang ${level}`,
    build: clang("plain.c", level),
    result: plain,
  })),
  {
    what: "clang with debug information",
    build: clang("plain.c", "-O1", "-g"),
    result: plain,
  },
  {
    what: "clang with newer features that it does not need",
    build: clang(
      "plain.c",
      "-O2",
      "-mreference-types",
      "-mmultivalue",
      "-msign-ext",
      "-mbulk-memory",
    ),
    result: plain,
  },
  {
    what: "C++ with virtual functions",
    build: clang("objects.cpp", "-O1", "-fno-exceptions", "-fno-rtti"),
    result: "3400000000000000",
  },
];
const refusedInC: readonly Refused[] = [
  {
    what: "vector instructions",
    first: clang("vectors.c", "-O3", "-msimd128"),
    hint: /build without it: -mno-simd128 for clang/,
    build: clang("vectors.c", "-O3", "-msimd128", "-mno-simd128"),
    result: "4095150000d615004017160000591600",
  },
  {
    what: "atomic instructions",
    first: clang("threads.c", "-O2", "-matomics", "-mbulk-memory"),
    hint: /build without it: -mno-atomics for clang/,
    build: clang("threads.c", "-O2", "-matomics", "-mbulk-memory", "-mno-atomics"),
    result: "2a000000",
  },
  {
    what: "tail calls",
    first: clang("tail-calls.c", "-O1", "-mtail-call"),
    hint: /build without it: -mno-tail-call for clang/,
    build: clang("tail-calls.c", "-O1", "-mtail-call", "-mno-tail-call"),
    result: "01000000",
  },
  {
    what: "no export main",
    first: () => make("clang", [...bare, "-O1"], "plain.c"),
    hint: /clang: -Wl,--export=main/,
    build: clang("plain.c", "-O1"),
    result: plain,
  },
];
const startless = ["-nostartfiles", "-Wl,--no-entry", "-Wl,--export=main"];
const sorted = "000000006a00000002000000";
const withWasi: readonly Refused[] = [
  {
    what: "wasi-libc with its start files",
    first: wasi(),
    hint: /-nostartfiles -Wl,--no-entry -Wl,--export=main/,
    build: wasi(...startless),
    result: sorted,
  },
  {
    what: "wasi-libc with printf",
    first: wasi("-DIO", ...startless),
    hint: /leave out files, clocks and printing/,
    build: wasi(...startless),
    result: sorted,
  },
];

/** A module of the compiler of AssemblyScript, without a configuration. */
async function compile(...options: string[]): Promise<Uint8Array> {
  const source = `
    @external("env", "__veracruz_hcall_write_output")
    declare function writeOutput(buffer: usize, length: u32): i32;
    export function main(): i32 {
      const squares = new Array<i32>();
      for (let i = 0; i < 5; i++) squares.push(i * i);
      const text = String.UTF8.encode(squares.join(","));
      return writeOutput(changetype<usize>(text), text.byteLength);
    }`;
  let module: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ["program.ts", "--outFile", "program.wasm", ...options],
    {
      // The project's own configuration is not the author's, unless it is named.
      readFile: (name, base) => {
        if (name === "program.ts") return source;
        const path = join(base, name);
        return name.endsWith("asconfig.json") && !options.includes("--config")
          ? null
          : existsSync(path)
            ? readFileSync(path, "utf8")
            : null;
      },
      writeFile: (name, contents) => {
        if (name.endsWith(".wasm")) module = contents as Uint8Array;
      },
    },
  );
  assert.is(error, null, `${stderr}`);
  return module as Uint8Array;
}
const ownTarget: Build = () =>
  compile("--config", "asconfig.json", "--target", "wasm32-arm-veracruz");
const inAssemblyScript: readonly Refused[] = [
  {
    what: "asc without options",
    first: () => compile(),
    hint: /compile with --use abort= \(the target wasm32-arm-veracruz does\)/,
    build: ownTarget,
    result: Buffer.from("0,1,4,9,16").toString("hex"),
  },
  {
    what: "asc with the stub runtime and no abort",
    first: () => compile("--runtime", "stub", "--use", "abort=", "-O3"),
    hint: /AssemblyScript: compile with --target wasm32-arm-veracruz/,
    build: ownTarget,
    result: Buffer.from("0,1,4,9,16").toString("hex"),
  },
];

const accept = (cases: readonly Accepted[]): void => {
  for (const each of cases) test(`accepted: ${each.what}`, () => check(each));
};
const refuse = (cases: readonly Refused[]): void => {
  for (const each of cases)
    test(`refused with a hint that mends it: ${each.what}`, async () => {
      const outcome = engine.run({ program: await each.first(), inputs: [new Uint8Array(1)] });
      assert.is(outcome.status, "refused", each.what);
      assert.match(outcome.reason ?? "", each.hint);
      await check(each);
    });
};

refuse(inAssemblyScript);
if (canCompileC) {
  accept(inC);
  refuse(refusedInC);
} else
  skip(
    inC.length + refusedInC.length,
    "clang or wasm-ld is missing (Debian packages clang and lld)",
  );
if (canCompileC && existsSync("/usr/lib/wasm32-wasi/libc.a")) refuse(withWasi);
else
  skip(
    withWasi.length,
    "wasi-libc is missing (Debian packages clang, lld, wasi-libc and libclang-rt-14-dev-wasm32)",
  );

const [rust] = rusts;
const rustOptions = ["--target", "wasm32-unknown-unknown", "--crate-type", "cdylib"];
const inRust: readonly Accepted[] = ["-O", "-Copt-level=0"].map((level) => ({
  what: `rustc ${level} with the standard library`,
  build: () =>
    make(
      join(rust?.bin ?? "", "rustc"),
      [...rustOptions, "-Clinker=wasm-ld", level],
      "collections.rs",
    ),
  result: Buffer.from("2 0.333").toString("hex"),
}));
if (rust === undefined || rust.crates !== undefined)
  skip(inRust.length, "no rustc with a standard library for WebAssembly");
else accept(inRust);

const emscripten = ["-O2", "-sSTANDALONE_WASM", "-sERROR_ON_UNDEFINED_SYMBOLS=0"];
const inEmscripten: readonly Refused[] = [
  {
    what: "emcc, a program of its own",
    first: () => make("emcc", emscripten, "libc.c"),
    hint: /emcc -s STANDALONE_WASM --no-entry -s EXPORTED_FUNCTIONS=_main/,
    build: () =>
      make("emcc", [...emscripten, "--no-entry", "-sEXPORTED_FUNCTIONS=_main"], "libc.c"),
    result: sorted,
  },
];
if (systemTool("emcc") === undefined)
  skip(inEmscripten.length, "emcc is missing (Debian package emscripten, 800 MB)");
else refuse(inEmscripten);

test.run();
