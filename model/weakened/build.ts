/**
 * Builds of this project in which one check is missing, for tests that replay the models' attacks. There is one
 * build for all checks of `checks.json`: a byte in a module, and a global variable on the host, say which check is
 * left out. With none the build does what the real one does.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { transformSync } from "esbuild";
import { projectRoot, wasmPath } from "../../host/common/paths.js";

interface Weakener {
  checks: readonly { file: string; check: string; becomes: string }[];
  marker(name: string): string;
  weaken(file: string, text: string): string;
}
const path = join(projectRoot, "model", "weakened", "weaken.js");
const { checks, marker, weaken } = (await import(pathToFileURL(path).href)) as Weakener;

/** Names of the checks that can be left out, each with the files in which that changes something. */
export const leftOut: ReadonlyMap<string, readonly string[]> = (() => {
  const files = new Map<string, string[]>();
  for (const { file, becomes } of checks) {
    for (const [, name = ""] of becomes.matchAll(/WITHOUT\((\w+)\)/g)) {
      const known = files.get(name) ?? [];
      if (!known.includes(file)) files.set(name, [...known, file]);
    }
  }
  return files;
})();

/**
 * A module of the trusted world without one check.
 *
 * @returns the module as it ships where the check is elsewhere
 */
export function moduleWithout(module: "runtime" | "attestation", name: string): Uint8Array {
  const folder = module === "runtime" ? /^assembly\/(?!psa-)/ : /^assembly\/psa-/;
  const files = leftOut.get(name);
  if (files === undefined) throw new Error(`no check is called ${name}`);
  if (!files.some((file) => folder.test(file))) return readFileSync(wasmPath(module));
  const bytes = readFileSync(wasmPath(`testing/${module}-weakened`));
  const text = marker(name);
  let found = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    bytes[at + text.length] = 0x31;
    found += 1;
  }
  if (found === 0) throw new Error(`the module ${module} has no check ${name}`);
  return bytes;
}

/** What is built of host and tests, once more, with checks that can be left out. */
export class WeakenedHost {
  private constructor(private readonly folder: string) {}

  static make(): WeakenedHost {
    const above = join(projectRoot, "build", "weakened");
    mkdirSync(above, { recursive: true });
    const folder = mkdtempSync(join(above, "host-"));
    for (const part of ["assembly", "host", "test"]) {
      const copied = (from: string) => !/\.(map|d\.ts)$/.test(from);
      cpSync(join(projectRoot, "build", "js", part), join(folder, part), {
        recursive: true,
        filter: copied,
      });
    }
    for (const file of new Set(checks.map((each) => each.file))) {
      if (file.startsWith("assembly/")) continue;
      const source = weaken(file, readFileSync(join(projectRoot, file), "utf8"));
      const { code } = transformSync(source, { loader: "ts", target: "es2023", format: "esm" });
      writeFileSync(join(folder, file.replace(/\.ts$/, ".js")), code);
    }
    return new WeakenedHost(folder);
  }

  /** Imports a built file of this build, named as in `build/js/`. */
  import<T>(file: string): Promise<T> {
    return import(pathToFileURL(join(this.folder, file)).href) as Promise<T>;
  }

  /** Runs something without a check. */
  async without<T>(name: string, run: () => Promise<T>): Promise<T> {
    const chosen = globalThis as { vcWithout?: string };
    chosen.vcWithout = name;
    try {
      return await run();
    } finally {
      delete chosen.vcWithout;
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
