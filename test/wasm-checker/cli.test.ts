// vc-wc as an author uses it.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TRAP_TEXT_EXPORT } from "../../assembly/sdk/veracruz_rt/trap-text.js";
import { INVALID_OPERAND } from "../../assembly/wasm-checker/refusals.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import {
  body,
  custom,
  exportItem,
  functionType,
  I32,
  i32const,
  i64const,
  importFunction,
  leb,
  MAIN_TYPE,
  mainWith,
  name,
  program,
} from "./bytes.js";
import { hostileModules } from "./hostile-modules.js";

const folder = mkdtempSync(join(tmpdir(), "vc-wc-"));
const cli = join(projectRoot, "build/js/host/wasm-checker/cli.js");

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}
function vcwc(args: string[], input?: Uint8Array): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: "utf8",
    ...(input === undefined ? {} : { input }),
  });
  return { status, stdout, stderr };
}
function file(title: string, module: Uint8Array): string {
  writeFileSync(join(folder, title), module);
  return title;
}

const twoFunctions = (code: number[]): Uint8Array =>
  program({ functions: [0, 0], bodies: [body(i32const(0)), body(code)] });
const good = file("good.wasm", program());
const abort = file(
  "abort.wasm",
  program({
    types: [MAIN_TYPE, functionType([I32, I32, I32, I32], [])],
    imports: [importFunction("env", "abort", 1)],
  }),
);
const badTyped = file(
  "typed.wasm",
  Uint8Array.from([
    ...twoFunctions([...i64const(1), 0x45]),
    ...custom("name", [1, ...leb(7 + 4 + 4), 2, 0, ...name("main"), 1, ...name("helper")]),
  ]),
);

test("an accepted program: a table of what it asks for", () => {
  const { status, stdout, stderr } = vcwc([good]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^good\.wasm: accepted\n/);
  for (const row of ["size", "imports", "memory", "RAM once compiled", "entry point"]) {
    assert.match(stdout, new RegExp(`^ {2}${row} `, "m"), row);
  }
  assert.match(stdout, /1 page = 64\.0 KiB, no maximum/);
  assert.is(vcwc(["--quiet", good]).stdout, "good.wasm: accepted\n");
});

test("env.abort: what, where, and how to mend it", () => {
  const { status, stdout } = vcwc([abort]);
  assert.is(status, 13);
  assert.match(stdout, '"env.abort" is imported');
  assert.match(
    stdout,
    /at byte \d+ \(0x[0-9a-f]+\), item 0 of its section {2}\[ABI_IMPORT_NAME 402\]/,
  );
  assert.match(stdout, "--use abort=");
});

test("an invalid function: its index, its name, the byte", () => {
  const { status, stdout } = vcwc([badTyped]);
  assert.is(status, 11);
  assert.match(stdout, "an operand is of i64, and i32 is expected");
  assert.match(
    stdout,
    /at byte \d+ \(0x[0-9a-f]+\), function 1 "helper" {2}\[INVALID_OPERAND 207\]/,
  );
  const [, offset] = /at byte (\d+)/.exec(stdout) ?? [];
  assert.is(readFileSync(join(folder, badTyped))[Number(offset)], 0x45, "the instruction");
});

test("exit codes, by the first program refused", () => {
  const malformed = file("malformed.wasm", Buffer.from("(module)"));
  const simd = file("simd.wasm", mainWith([0xfd, 12]));
  const large = file("large.wasm", program({ memory: [0, ...leb(17)] }));
  const cases: [string[], number][] = [
    [[malformed], 10],
    [[badTyped], 11],
    [[simd], 12],
    [[abort], 13],
    [["--profile", "mcu", large], 14],
    [["--profile", "host", large], 0],
    [[good, good], 0],
    [[good, simd, malformed], 12],
    [["nowhere.wasm"], 2],
    [[], 2],
    [["--profile", "toaster", good], 2],
    [["--frobnicate", good], 2],
  ];
  for (const [args, code] of cases) {
    const { status, stdout, stderr } = vcwc(args);
    assert.is(status, code, `${args.join(" ")}\n${stdout}${stderr}`);
    assert.not.match(stderr, /^ {4}at /m, "no stack");
  }
});

test("several files: each has its verdict", () => {
  const { stdout } = vcwc([good, abort, good]);
  assert.equal(stdout.match(/^\S+: (accepted|refused)/gm), [
    "good.wasm: accepted",
    "abort.wasm: refused",
    "good.wasm: accepted",
  ]);
});

test("a file that cannot be read leaves the others their verdicts", () => {
  const { status, stdout, stderr } = vcwc([good, "nowhere.wasm", ".", abort]);
  assert.is(status, 2);
  assert.equal(stdout.match(/^\S+: (accepted|refused)/gm), [
    "good.wasm: accepted",
    "abort.wasm: refused",
  ]);
  assert.match(stderr, /"nowhere\.wasm": no such file/);
  assert.match(stderr, /"\.": it is a folder/);
  const json = vcwc(["--json", "nowhere.wasm", good]);
  assert.is(json.status, 2);
  const [missing, present] = JSON.parse(json.stdout);
  assert.is(missing.accepted, false);
  assert.match(missing.error, /no such file/);
  assert.is(present.accepted, true);
});

test("--json", () => {
  const { status, stdout } = vcwc(["--json", good, badTyped]);
  assert.is(status, 11);
  const [first, second] = JSON.parse(stdout);
  assert.is(first.file, good);
  assert.is(first.accepted, true);
  assert.is(first.summary.initialPages, 1);
  assert.is(first.summary.maximumPages, null);
  assert.is(second.accepted, false);
  assert.equal(second.refusal.function, { index: 1, name: "helper" });
  assert.is(second.refusal.code, INVALID_OPERAND);
  assert.is(second.refusal.name, "INVALID_OPERAND");
  assert.is(second.refusal.kind, "invalid");
  assert.type(second.refusal.offset, "number");
  assert.type(second.refusal.problem, "string");
});

test("standard input", () => {
  const { status, stdout } = vcwc(["-q", "-"], program());
  assert.is(status, 0);
  assert.is(stdout, "-: accepted\n");
});

test("names in a module cannot forge the output", () => {
  const module = program({
    exports: [
      exportItem("memory", 2, 0),
      exportItem("main\n\u001b[31mgood.wasm: accepted\u202e", 0, 0),
      exportItem("main\n\u001b[31mgood.wasm: accepted\u202e", 0, 0),
    ],
  });
  const { status, stdout } = vcwc([file("forged.wasm", module)]);
  assert.is(status, 11);
  assert.match(stdout, /^forged\.wasm: refused/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not come through
  assert.not.match(stdout, /\u001b|\u202e|^good/m);
});

test("--help lists the exit codes", () => {
  const { status, stdout } = vcwc(["--help"]);
  assert.is(status, 0);
  for (const code of [10, 11, 12, 13, 14]) assert.match(stdout, new RegExp(`^ {2}${code} `, "m"));
});

test("every example is accepted, for a computer and for a device", () => {
  const examples = readdirSync(join(wasmPath("x"), "..", "examples"))
    .filter((entry) => entry.endsWith(".wasm"))
    .map((entry) => join(wasmPath("x"), "..", "examples", entry));
  assert.ok(examples.length >= 8);
  for (const profile of ["host", "mcu"]) {
    const { status, stdout } = vcwc(["--profile", profile, "--quiet", ...examples]);
    assert.is(status, 0, stdout);
  }
});

test("every hostile module that is refused: what, where, and how to mend it", () => {
  const refused = hostileModules.filter(({ mcu }) => mcu !== 0);
  const files = refused.map(({ module }, index) => file(`hostile-${index}.wasm`, module()));
  const { stdout } = vcwc(["--profile", "mcu", ...files]);
  const lines = stdout.trimEnd().split("\n");
  assert.is(lines.length, 3 * refused.length);
  for (const [index, { name: title, mcu }] of refused.entries()) {
    const [problem = "", place = "", hint = ""] = lines.slice(3 * index);
    assert.match(problem, /: refused: .{10,}/, title);
    assert.match(place, new RegExp(`^  at byte \\d+ .*\\[[A-Z0-9_]+ ${mcu}\\]$`), title);
    assert.match(hint, /^ {2}hint: .{10,}/, title);
  }
});

test("start functions that nobody will call are warned of, with what to do", () => {
  for (const title of ["_initialize", "__wasm_call_ctors", "__wasm_apply_data_relocs", "_start"]) {
    const exports = [exportItem("memory", 2, 0), exportItem("main", 0, 0)];
    const path = file("reactor.wasm", program({ exports: [...exports, exportItem(title, 0, 0)] }));
    const { status, stdout } = vcwc(["-q", path]);
    assert.is(status, 0);
    assert.match(
      stdout,
      new RegExp(`^reactor\\.wasm: accepted\\n {2}warning: exports ${title}, .+`),
    );
    assert.match(stdout, /\n {2}hint: .{20,}/);
    const [report] = JSON.parse(vcwc(["--json", path]).stdout);
    assert.is(report.warnings.length, 1);
    // A memory of that name is no function.
    const memory = program({ exports: [...exports, exportItem(title, 2, 0)] });
    assert.is(vcwc(["-q", file("other.wasm", memory)]).stdout, "other.wasm: accepted\n");
  }
  // The SDK's target leaves none.
  const examples = join(projectRoot, "build/wasm/examples");
  const programs = readdirSync(examples).filter((each) => each.endsWith(".wasm"));
  assert.ok(programs.length > 8);
  const { stdout } = vcwc(programs.map((each) => join(examples, each)));
  assert.not.match(stdout, /warning/);
});

test("a program for development is told from one for an isolate", () => {
  const exports = [exportItem("memory", 2, 0), exportItem("main", 0, 0)];
  const path = file(
    "development.wasm",
    program({ exports: [...exports, exportItem(TRAP_TEXT_EXPORT, 0, 0)] }),
  );
  const { status, stdout } = vcwc(["-q", path]);
  assert.is(status, 0);
  assert.match(
    stdout,
    /warning: is compiled for development: .+\n {2}hint: .*wasm32-arm-veracruz;/,
  );
});

test("a module that is too large for its custom sections is told so, with how to strip them", () => {
  const large = program();
  const debug = custom(".debug_info", new Array(9 * 2 ** 20).fill(0));
  const names = custom("name", new Array(100).fill(0));
  const path = file("debug.wasm", Uint8Array.from([...large, ...names, ...debug]));
  const { stdout } = vcwc(["-p", "mcu", path]);
  assert.match(stdout, /LIMIT_MODULE/);
  assert.match(
    stdout,
    /hint: \d+ of its \d+ bytes are custom sections, the largest "\.debug_info": strip them/,
  );
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
