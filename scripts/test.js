// npm test: builds what the chosen tests need, and runs them (test/run.ts has the options). With --build-only they are not
// run; with --draft, modules that have changed are not optimised (build.js).
// @ts-check
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { neededModules } from "./test-modules.js";
import { modules } from "./wasm-modules.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const draft = process.argv.includes("--draft");
const args = process.argv.slice(2).filter((arg) => arg !== "--draft");

/** @param {string[]} command */
function node(...command) {
  const { status, signal } = spawnSync(process.execPath, command, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}

// What is no option's value; a pattern too many builds too much at most.
const { positionals } = parseArgs({ args, strict: false, allowPositionals: true });
const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" }).filter(
  (file) =>
    file.endsWith(".test.ts") &&
    (positionals.length === 0 ||
      positionals.some((text) => file.replace(/\.ts$/, ".js").includes(text))),
);
const needed = neededModules(
  root,
  files.map((file) => join("test", file)),
  modules(root),
);
node("scripts/build.js", ...(draft ? ["--draft"] : []), "--modules", needed.join(","));
if (!args.includes("--build-only")) node("--enable-source-maps", "build/js/test/run.js", ...args);
