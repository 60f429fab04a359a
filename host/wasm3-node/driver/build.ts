import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../common/paths.js";

const run = promisify(execFile);
const room = join(projectRoot, "host", "wasm3-node");
const upstream = join(projectRoot, "node_modules", "react-native-webassembly", "cpp");

/** How the driver is compiled. */
export interface DriverOptions {
  /** The patched sources, or those of the npm package as they are. */
  readonly patched: boolean;
  /** With AddressSanitizer and checks of array bounds. */
  readonly sanitize: boolean;
}

/**
 * Builds `driver.c` with wasm3, unless it exists already.
 *
 * @returns the program's path
 * @throws Error with the compiler's output, when there is no compiler or it fails
 */
export async function buildDriver({ patched, sanitize }: DriverOptions): Promise<string> {
  const tool = join(room, "prepare-sources.js");
  const { stdout: flags } = await run(process.execPath, [tool, "--flags", "host"]);
  const sources = patched ? join(projectRoot, "build", "wasm3", "src") : upstream;
  if (patched) await run(process.execPath, [tool, sources]);

  const { sources: names, headers } = JSON.parse(
    readFileSync(join(room, "wasm3-flags.json"), "utf8"),
  ) as { sources: string[]; headers: string[] };
  const driver = join(room, "driver", "driver.c");
  const [compiler = "cc", ...prefix] = (process.env.CC || "cc").split(/\s+/).filter(Boolean);
  const args = [
    ...prefix,
    ...flags.trim().split("\n"),
    ...(patched ? ["-DPATCHED"] : []),
    ...(sanitize ? ["-fsanitize=address,bounds", "-fno-sanitize-recover=all"] : []),
    ...["-I", sources],
    ...names.map((name) => join(sources, name)),
    driver,
    ...["calloc", "realloc", "free"].map((name) => `-Wl,--wrap=${name}`),
    "-lm",
  ];
  const hash = createHash("sha256").update(JSON.stringify([compiler, args]));
  for (const file of [...[...names, ...headers].map((name) => join(sources, name)), driver])
    hash.update(readFileSync(file));

  const folder = join(projectRoot, "build", "wasm3", "driver");
  mkdirSync(folder, { recursive: true });
  const kind = `${patched ? "patched" : "upstream"}${sanitize ? "-sanitized" : ""}`;
  const out = join(folder, `${kind}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(out)) return out;
  const fresh = `${out}.${process.pid}`;
  await run(compiler, [...args, "-o", fresh]);
  renameSync(fresh, out);
  // those of former sources
  for (const name of readdirSync(folder))
    if (name.startsWith(`${kind}-`) && /^[0-9a-f]{16}$/.test(name.slice(kind.length + 1)))
      if (join(folder, name) !== out) rmSync(join(folder, name), { force: true });
  return out;
}
