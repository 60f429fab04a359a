// C that is compiled for this computer, with what watches its memory.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The compiler's option. */
export const SANITIZERS = "-fsanitize=address,undefined";

/** Whether this computer's compiler links programs with the sanitizers. */
export function canSanitize(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "vc-sanitizers-"));
  try {
    const probe = ["-x", "c", "-", SANITIZERS, "-o", join(folder, "probe")];
    return spawnSync("cc", probe, { input: "int main(void){return 0;}" }).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
