// The client's record in flash, through power that goes at each write: a client that was told of an isolate is told of
// the same one ever after. Compiled for this computer.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { canSanitize, SANITIZERS } from "../support/sanitizers.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-flash-store-"));

if (canSanitize())
  test("a record survives a cut of the power at each write, or was never told", () => {
    const client = join(projectRoot, "mcu-client");
    const program = join(folder, "cuts");
    execFileSync("cc", [
      ...["-std=gnu11", "-g", "-Wall", "-Wextra", SANITIZERS, "-fno-sanitize-recover"],
      ...[`-I${client}/library/include`, `-I${client}/library/stores/flash`, `-I${client}/link`],
      `${client}/library/stores/flash/flash-store.c`,
      `${client}/link/crc32.c`,
      join(projectRoot, "test/mcu-client/flash-store-cuts.c"),
      ...["-o", program],
    ]);
    const run = spawnSync(program, { encoding: "utf8", timeout: 120_000 });
    assert.is(run.status, 0, run.stderr);
    assert.is(run.stdout, "held through 960 cuts\n");
  });
else skip(1, "no C compiler with AddressSanitizer (Debian: gcc and libasan8, in gcc's package)");

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
