// The README's main command: from keys and policy to the result, by the very commands of a user.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";

function demo(...args: string[]) {
  return spawnSync(process.execPath, [join(projectRoot, "build/js/host/demo/cli.js"), ...args], {
    encoding: "utf8",
    timeout: 240_000,
  });
}

test("five parties compute, and the result is right", () => {
  const { status, stdout, stderr } = demo();
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, /persons on all three lists: (?:[^,\n]+, ){4}[^,\n]+\n/);
  // The token's claims are shown, and every client checked what it talks to.
  assert.match(stdout, /security lifecycle +non-PSA-RoT debug/);
  assert.is(stdout.match(/as the policy says/g)?.length, 5);
  assert.is(stdout.match(/the isolate agrees/g)?.length, 5);
});

test("a runtime changed by one byte gets no certificate, and the reason is told", () => {
  const { status, stdout, stderr } = demo("--tamper");
  assert.is(status, 1, stdout + stderr);
  assert.match(stderr, /measurement-not-allowed/);
  assert.not.match(stdout, /sent data/);
});

test.run();
