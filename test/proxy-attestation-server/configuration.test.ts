// vc-pas serve with a configuration file.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { initialiseCa } from "../../host/proxy-attestation-server/ca.js";
import { ServerCommand } from "../support/server-command.js";

const cli = join(projectRoot, "build/js/host/proxy-attestation-server/cli.js");
const folder = mkdtempSync(join(tmpdir(), "vc-pas-configuration-"));
const file = join(folder, "attestation-server.yaml");
const write = (...lines: string[]) => writeFileSync(file, `${lines.join("\n")}\n`);
initialiseCa(join(folder, "ca-key.pem"), join(folder, "ca.pem"), "Test CA", 1);

/** A value for every option of the command. */
const values: Readonly<Record<string, string>> = {
  "ca-key": join(folder, "ca-key.pem"),
  "ca-certificate": join(folder, "ca.pem"),
  database: join(folder, "pas.sqlite"),
  host: "127.0.0.1",
  port: "0",
  "certificate-validity": "12h",
  "challenge-lifetime": "30s",
  "allow-development": "true",
  "max-open-challenges": "1000",
  "max-starts-per-second": "10",
  "max-connections": "100",
  "log-level": "info",
};

test("it starts with every option from the file, and the command line comes first", async () => {
  const help = spawnSync(process.execPath, [cli, "serve", "--help"], { encoding: "utf8" }).stdout;
  const names = [...help.matchAll(/^ {2}(?:-\w, )?--([a-z-]+)/gm)].map(([, name]) => name);
  const known = names.filter((name) => name !== "config" && name !== "help");
  assert.equal([...known].sort(), Object.keys(values).sort());
  write("# all", ...Object.entries(values).map(([name, value]) => `${name}: ${value}`));
  const run = new ServerCommand("proxy-attestation-server", ["serve", "--config", file]);
  try {
    const { port } = await run.address();
    assert.is((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    assert.match(run.out, /development-grade devices get certificates/);
  } finally {
    run.child.kill("SIGTERM");
  }
  assert.is(await run.ended, 0);
  // Nothing that is logged as information appears.
  const quiet = new ServerCommand("proxy-attestation-server", [
    ...["serve", "--config", file, "--log-level", "error", "--ca-key", join(folder, "none.pem")],
  ]);
  assert.is(await quiet.ended, 2);
  assert.match(quiet.err, /none\.pem/);
});

test("what is wrong in the file is said with its line, and nothing starts", async () => {
  write("port: many", "max-connection: 3", "allow-development: perhaps", "log-level: loud");
  const run = new ServerCommand("proxy-attestation-server", ["serve", "--config", file]);
  assert.is(await run.ended, 2);
  for (const [line, words] of [
    "port: expected a whole number from 0 to 65535",
    "max-connection: there is no such option: did you mean max-connections?",
    "allow-development: expected true or false",
    "log-level: Allowed choices are silent, error, warn, info, debug.",
  ].entries())
    assert.ok(run.err.includes(`attestation-server.yaml:${line + 1}: ${words}`), run.err);
  assert.is(run.out, "");
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
