// The addon itself under AddressSanitizer and UndefinedBehaviorSanitizer: the tests of its border, again, in a process whose
// wasm3.node is built with them, and workers that end wherever they are.
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { skip } from "../support/shared.js";
import { hasSanitizers } from "../wasm-checker/native/build.js";

const files = ["values", "traps", "linking", "memory", "ended-workers"];
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The sanitizers' run-time libraries, which must be there before Node's own code. */
function sanitizerLibraries(): string {
  const [compiler = "cc", ...prefix] = (process.env.CC || "cc").split(/\s+/).filter(Boolean);
  return ["libasan.so", "libubsan.so"]
    .map((name) =>
      execFileSync(compiler, [...prefix, `-print-file-name=${name}`], { encoding: "utf8" }).trim(),
    )
    .join(":");
}

if (process.platform === "linux" && hasSanitizers()) {
  execFileSync(process.execPath, [join(projectRoot, "host/wasm3-node/install.js"), "--sanitize"]);
  const environment = {
    ...process.env,
    LD_PRELOAD: sanitizerLibraries(),
    // V8 keeps what it needs to the end.
    ASAN_OPTIONS: "detect_leaks=0:detect_stack_use_after_return=0",
    UBSAN_OPTIONS: "print_stacktrace=1",
  };
  for (const name of files) {
    test(`${name}: no finding`, () => {
      const run = spawnSync(
        process.execPath,
        [
          "--import",
          new URL("./sanitized-addon.js", import.meta.url).href,
          here(`./${name}.test.js`),
        ],
        { env: environment, encoding: "utf8", timeout: 300_000 },
      );
      assert.is(run.status, 0, `${run.signal ?? ""}\n${run.stdout}\n${run.stderr}`);
      assert.not.match(run.stderr, /Sanitizer|runtime error/);
      assert.match(run.stdout, /sanitized addon/);
    });
  }
} else skip(files.length, "no C compiler with AddressSanitizer (Debian: gcc), or not on Linux");

test.run();
