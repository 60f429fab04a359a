import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";

/** The files that an example's generator makes, by name: `input-0`, `round-2/stream-0`, `expected-1`. */
export function exampleData(name: string, ...args: string[]): Record<string, Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "vc-example-"));
  try {
    const generator = join(projectRoot, `build/js/examples/no_std/${name}/generate.js`);
    // A real data set has no seed.
    const seed = name === "linear-regression" ? [] : ["--seed", "test"];
    execFileSync(process.execPath, [generator, "--output-dir", folder, ...seed, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return Object.fromEntries(
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => statSync(join(folder, file)).isFile())
        .map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
