import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../../host/common/paths.js";

const run = promisify(execFile);
const room = join(projectRoot, "host", "wasm3-node");
const [compiler = "cc", ...prefix] = (process.env.CC || "cc").split(/\s+/).filter(Boolean);
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/** Whether there is a C compiler that can link the sanitizers. */
export function hasSanitizers(): boolean {
  const folder = join(projectRoot, "build", "wasm-checker");
  mkdirSync(folder, { recursive: true });
  try {
    const arguments_ = [...prefix, ...sanitizers, "-x", "c", "-", "-o", join(folder, "probe")];
    execFileSync(compiler, arguments_, { input: "int main(void) { return 0; }\n", stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Builds `run-modules.c` with the patched wasm3, as the host builds it and under sanitizers, unless it
 * is there already. Returns the program's path.
 */
export async function buildRunner(): Promise<string> {
  const sources = join(projectRoot, "build", "wasm3", "src");
  const tool = join(room, "prepare-sources.js");
  await run(process.execPath, [tool, sources]);
  const { stdout: flags } = await run(process.execPath, [tool, "--flags", "host"]);
  const { sources: names, headers } = JSON.parse(
    readFileSync(join(room, "wasm3-flags.json"), "utf8"),
  ) as { sources: string[]; headers: string[] };
  const driver = join(projectRoot, "test", "wasm-checker", "native", "run-modules.c");
  const files = [...names.map((name) => join(sources, name)), driver];
  const options = [...prefix, ...flags.trim().split("\n"), "-g", ...sanitizers, "-I", sources];
  const hash = createHash("sha256").update(JSON.stringify([compiler, options]));
  for (const file of [...files, ...headers.map((name) => join(sources, name))]) {
    hash.update(readFileSync(file));
  }
  const folder = join(projectRoot, "build", "wasm-checker");
  mkdirSync(folder, { recursive: true });
  const out = join(folder, `run-modules-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(out)) return out;

  // Two at a time: one file is half of the work.
  const objects: string[] = [];
  const queue = [...files];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const object = `${out}.${process.pid}.${objects.length}.o`;
      objects.push(object);
      await run(compiler, [...options, "-c", file, "-o", object]);
    }
  };
  await Promise.all([work(), work()]);
  const fresh = `${out}.${process.pid}`;
  await run(compiler, [...options, ...objects, "-lm", "-o", fresh]);
  await run("rm", objects);
  renameSync(fresh, out);
  return out;
}
