// A build of the firmware depends on nothing but the sources: not on the folder, not on what was
// built before.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { buildIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { mcuBuildFolder, missingTools, runCommand } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";
import { hostsInTurn } from "./rotation.js";

const board = "mps2-an505";
const digest = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Another project folder with the same sources, where nothing of the firmware is built. */
function elsewhere(): string {
  const folder = mkdtempSync(join(tmpdir(), "mcu-another-place-"));
  cpSync(join(projectRoot, "mcu-client"), join(folder, "mcu-client"), { recursive: true });
  for (const part of ["assembly", "host", "node_modules", "package.json"])
    symlinkSync(join(projectRoot, part), join(folder, part));
  mkdirSync(join(folder, "build", "mcu"), { recursive: true });
  for (const part of ["js", "wasm", "mcu/lwip"])
    symlinkSync(join(projectRoot, "build", part), join(folder, "build", part));
  return folder;
}

const hosts = hostsInTurn();
const reason = missingTools();
if (reason) skip(hosts.length, reason);
else {
  for (const host of hosts) {
    test(`${host}: a clean build in another folder has the same measurement`, async () => {
      await buildIsolate(board, host);
      const folder = elsewhere();
      try {
        for (const image of ["boot", "isolate", "outside"]) {
          await runCommand("make", [
            ...["--silent", "--jobs=2", "-C", join(folder, "mcu-client")],
            ...[`BOARD=${board}`, `IMAGE=${image}`, `HOST=${host}`],
          ]);
        }
        const { boot, main, outside } = isolateImages(board, host);
        for (const path of [boot.replace(/elf$/, "bin"), main, outside as string]) {
          const other = path.replace(mcuBuildFolder, join(folder, "build", "mcu"));
          assert.is(digest(other), digest(path), path);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
}
test.run();
