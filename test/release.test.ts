// What npm run release makes: everything that is published, with its hashes, the same bytes twice.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";

const script = join(projectRoot, "scripts/release.js");
const folder = mkdtempSync(join(tmpdir(), "vc-release-"));
const version = "\\d+\\.\\d+\\.\\d+";

test("two releases of one build are the same, whoever makes them, and SHA256SUMS is right", () => {
  const make = (name: string, umask: string, env: Record<string, string>) =>
    execFileSync(
      "sh",
      [
        ...["-c", 'umask "$1" && shift && exec "$@"', "sh", umask],
        ...[process.execPath, script, "--output", join(folder, name)],
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } },
    );
  const sums = make("one", "022", { TZ: "UTC", LC_ALL: "C" });
  assert.is(make("two", "077", { TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8" }), sums);
  const names = readdirSync(join(folder, "one")).sort();
  assert.equal(names, readdirSync(join(folder, "two")).sort());
  for (const pattern of [
    "principal\\.html",
    "SHA256SUMS",
    `veracruz-client-${version}\\.tgz`,
    `veracruz-create-program-${version}\\.tgz`,
    `veracruz-sdk-${version}\\.tgz`,
    `veracruz-tools-${version}\\.tgz`,
    `veracruz-mcu-${version}\\.tgz`,
    `veracruz-mcu-client-${version}\\.tar\\.gz`,
  ])
    assert.is(names.filter((name) => new RegExp(`^${pattern}$`).test(name)).length, 1, pattern);
  assert.is(names.length, 8, names.join(" "));
  assert.is(readFileSync(join(folder, "one/SHA256SUMS"), "utf8"), sums);
  const lines = sums.trimEnd().split("\n");
  assert.is(lines.length, 7);
  for (const line of lines) {
    const [hash, name = ""] = line.split("  ");
    for (const release of ["one", "two"]) {
      const bytes = readFileSync(join(folder, release, name));
      assert.is(createHash("sha256").update(bytes).digest("hex"), hash, `${release}/${name}`);
    }
  }
});

test("modes of packed files are 644, or 755 of what may be executed; the tarballs are good", () => {
  const packed = readdirSync(join(folder, "one")).filter((name) => name.endsWith(".tgz"));
  assert.is(packed.length, 5);
  for (const name of packed) {
    const listing = execFileSync("tar", ["-tvzf", join(folder, "one", name)], { encoding: "utf8" });
    const modes = listing
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(0, 10));
    assert.ok(modes.length > 2, name);
    assert.equal(
      modes.filter((mode) => !/^-rw(-r--r--|xr-xr-x)$/.test(mode)),
      [],
      name,
    );
  }
});

test("a folder that holds something is left alone", () => {
  const { status, stderr } = spawnSync(process.execPath, [script, "-o", folder], {
    encoding: "utf8",
  });
  assert.is(status, 2);
  assert.match(stderr, /is not empty: expected a folder for a new release/);
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
