// CLI_QUICKSTART.md works as it stands: every shell block of it is run, in order, in one shell.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";
import { skip } from "./support/shared.js";

const missing = ["bash", "openssl", "curl"].filter(
  (tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).error !== undefined,
);

/** The shell blocks of a Markdown document. */
function shellBlocks(path: string): string[] {
  const text = readFileSync(join(projectRoot, path), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] as string);
}

if (missing.length > 0) {
  skip(1, `CLI_QUICKSTART.md needs ${missing.join(", ")}: apt-get install them`);
} else {
  test("every shell block of CLI_QUICKSTART.md runs", () => {
    const blocks = shellBlocks("CLI_QUICKSTART.md");
    assert.ok(blocks.length >= 9);
    // What is left of a run that was ended early is not ours to delete, but it is in the way.
    assert.not.ok(
      existsSync(join(projectRoot, "quickstart")),
      "there is a folder quickstart/ already",
    );
    const script = `set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true; rm -rf quickstart' EXIT\n${blocks.join("\n")}`;
    // The documented ports may be taken here: where it can be had, the shell gets a network of its own.
    const own = process.getuid?.() === 0 ? ["--net"] : ["--net", "--map-root-user"];
    const canUnshare =
      spawnSync("unshare", [...own, "ip", "link"], { stdio: "ignore" }).status === 0;
    const [command, args] = canUnshare
      ? ["unshare", [...own, "bash", "-c", `ip link set lo up\n${script}`]]
      : ["bash", ["-c", script]];
    const run = spawnSync(command as string, args as string[], {
      cwd: projectRoot,
      encoding: "utf8",
      timeout: 540_000,
    });
    assert.is(run.status, 0, `${run.stdout}\n${run.stderr}`);
    assert.match(run.stdout, /^as expected$/m);
    assert.match(`${run.stdout}${run.stderr}`, /Verification: OK/);
  });
}

test.run();
