// The device's one connection, whose peer may go and be followed by another one whenever links are polled: nothing of
// one is taken for the other's, and no place is written to that was given back. Compiled for this computer.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { canSanitize, SANITIZERS } from "../support/sanitizers.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-connection-"));
const program = join(folder, "reentry");

if (canSanitize())
  test("connections that follow one another within a call are kept apart", () => {
    const link = join(projectRoot, "mcu-client/link");
    const files = [
      join(link, "connection.c"),
      join(projectRoot, "mcu-client/common/sha256.c"),
      join(projectRoot, "test/mcu-client/connection-reentry.c"),
    ];
    const flags = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-DCONNECTION_LARGE_MAX=512"];
    const sizes = ["-DCONNECTION_BYTES=64", `-I${link}`];
    execFileSync("cc", [
      ...flags,
      SANITIZERS,
      "-fno-sanitize-recover",
      ...sizes,
      ...files,
      "-o",
      program,
    ]);
    const run = spawnSync(program, { encoding: "utf8", timeout: 60_000 });
    assert.is(run.status, 0, run.stderr);
    assert.is(run.stdout, "held\n");
  });
else skip(1, "no C compiler with AddressSanitizer (Debian: gcc and libasan8, in gcc's package)");

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
