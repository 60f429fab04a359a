// Commands of documents work as they stand: every shell block of CLI_QUICKSTART.md, in order, in one shell.
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
    assert.ok(blocks.length >= 17);
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
    // Once by the seven commands, once by the parts.
    assert.is(run.stdout.match(/^as expected$/gm)?.length, 2, run.stdout);
    // The policy requires X25519MLKEM768, which OpenSSL has since 3.5: an older one is turned away.
    assert.match(
      `${run.stderr}${run.stdout}`,
      /Verification: OK|alert handshake failure[\s\S]*^OpenSSL (1|3\.[0-4])\./m,
    );
  });
}

test("two parties and the operator need few commands, and few options", () => {
  const text = readFileSync(join(projectRoot, "CLI_QUICKSTART.md"), "utf8");
  const flow = text.slice(0, text.indexOf("# The parts underneath"));
  const lines = [...flow.matchAll(/^veracruz .*$/gm)].map(([line]) => line);
  const options = lines.flatMap((line) => line.match(/(?<= )--?[a-z]+/g) ?? []);
  assert.ok(lines.length >= 7 && lines.length <= 10, lines.join("\n"));
  assert.ok(options.length <= 12, options.join(" "));
});

test.run();
