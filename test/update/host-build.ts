// The devices' code for updates, compiled for this computer with what watches its memory.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { SANITIZERS } from "../support/sanitizers.js";

const folder = mkdtempSync(join(tmpdir(), "vc-update-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

/**
 * Compiles a program of this folder with sources of `mcu-client/`.
 *
 * @param linking further options
 * @returns its path
 */
export function hostBuild(
  program: string,
  sources: readonly string[],
  linking: readonly string[] = [],
): string {
  const client = join(projectRoot, "mcu-client");
  const path = join(folder, program.replace(/\.c$/, ""));
  const here = join(projectRoot, "test", "update");
  const options = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", SANITIZERS];
  execFileSync("cc", [
    ...options,
    ...["-fno-sanitize-recover", `-I${here}`, `-I${client}/update`],
    ...sources.map((source) => join(client, source)),
    join(here, program),
    ...linking,
    ...["-o", path],
  ]);
  return path;
}

/** What a signature and a manifest need. */
export const MANIFEST_SOURCES = ["update/p256-verify.c", "update/manifest.c", "common/sha256.c"];

/** What slots need. */
export const SLOT_SOURCES = [
  ...MANIFEST_SOURCES,
  ...["update/slots.c", "update/boot.c", "update/delivery.c", "update/owner.c", "link/crc32.c"],
];
