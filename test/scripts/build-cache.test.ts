// The cache of builds: what was put in comes out, and what was damaged, or may be written by others, does not.
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";

interface Cache {
  readonly folder: string | undefined;
  take(key: string, count: number): Buffer[] | undefined;
  give(key: string, parts: Buffer[]): void;
  tidy(limit?: number): void;
}
const { BuildCache } = (await import(
  pathToFileURL(join(projectRoot, "scripts/build-cache.js")).href
)) as { BuildCache: new (warn: (line: string) => void) => Cache };

const home = mkdtempSync(join(tmpdir(), "build-cache-"));
test.after(() => rmSync(home, { recursive: true, force: true }));

let folders = 0;
const folder = () => join(home, String(folders++));

/** A cache in that environment, and what it said. */
function open(environment: Record<string, string>) {
  const before = { ...process.env };
  const said: string[] = [];
  Object.assign(process.env, { VERACRUZ_MCU_CACHE: "" }, environment);
  const cache = new BuildCache((line) => said.push(line));
  process.env = before;
  return { cache, said };
}

const KEY = "ab".repeat(32);
const PARTS = [Buffer.from("module"), Buffer.alloc(0), Buffer.alloc(70_000, "text")];

test("what one build gave another takes, in the folder of the XDG specification", () => {
  const base = folder();
  open({ XDG_CACHE_HOME: base }).cache.give(KEY, PARTS);
  const { cache, said } = open({ XDG_CACHE_HOME: base });
  assert.equal(cache.take(KEY, 3), PARTS);
  assert.is(cache.take("cd".repeat(32), 3), undefined);
  assert.equal(readdirSync(join(base, "veracruz-mcu/builds")), [KEY]);
  assert.equal(said, []);
});

test("a relative XDG_CACHE_HOME is ignored, another folder or none can be chosen", () => {
  assert.not.match(open({ XDG_CACHE_HOME: "here" }).cache.folder ?? "", /here/);
  const chosen = folder();
  assert.is(open({ VERACRUZ_MCU_CACHE: chosen }).cache.folder, chosen);
  const { cache, said } = open({ VERACRUZ_MCU_CACHE: "off" });
  cache.give(KEY, PARTS);
  cache.tidy();
  assert.is(cache.take(KEY, 3), undefined);
  assert.equal(said, []);
});

test("an entry with any byte changed, cut short or too long is made again", () => {
  const { cache, said } = open({ VERACRUZ_MCU_CACHE: folder() });
  const path = join(cache.folder ?? "", KEY);
  cache.give(KEY, PARTS);
  const whole = readFileSync(path);
  const damaged = [whole.subarray(0, 0), whole.subarray(0, 31), whole.subarray(0, -1)];
  damaged.push(Buffer.concat([whole, Buffer.from([0])]));
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 1;
    damaged.push(changed);
  }
  for (const bytes of damaged) {
    writeFileSync(path, bytes);
    assert.is(cache.take(KEY, 3), undefined);
    assert.match(said.pop() ?? "", /damaged, made again/);
    assert.is(readdirSync(cache.folder ?? "").length, 0);
  }
  cache.give(KEY, PARTS);
  assert.equal(cache.take(KEY, 3), PARTS);
});

test("a folder that others may write to is not used, and that is said", () => {
  const shared = folder();
  open({ VERACRUZ_MCU_CACHE: shared }).cache.give(KEY, PARTS);
  chmodSync(shared, 0o777);
  const { cache, said } = open({ VERACRUZ_MCU_CACHE: shared });
  assert.is(cache.take(KEY, 3), undefined);
  assert.match(said.join(), /not used: .* can be written by others/);
  const file = folder();
  writeFileSync(file, "");
  assert.match(open({ VERACRUZ_MCU_CACHE: file }).said.join(), /not used/);
});

test("too much is kept within bounds, what was used last stays", () => {
  const { cache } = open({ VERACRUZ_MCU_CACHE: folder() });
  const keys = ["11", "22", "33"].map((digits) => digits.repeat(32));
  for (const [i, key] of keys.entries()) {
    cache.give(key, PARTS);
    utimesSync(join(cache.folder ?? "", key), i, i);
  }
  assert.ok(cache.take(keys[0] ?? "", 3));
  const size = readFileSync(join(cache.folder ?? "", keys[0] ?? "")).length;
  cache.tidy(2 * size);
  assert.equal(readdirSync(cache.folder ?? "").sort(), [keys[0], keys[2]]);
});

test.run();
