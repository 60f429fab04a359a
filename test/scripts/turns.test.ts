// Which half of the long tests on emulated boards a run has.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { needsMore } from "../emulated.js";
import { HALVES, isOutOfTurn } from "../turns.js";

const files = HALVES.flat();

test("each file that takes turns exists once, and needs an emulated board", () => {
  assert.is(new Set(files).size, files.length);
  for (const file of files) {
    const source = join(projectRoot, "test", file.replace(/\.js$/, ".ts"));
    assert.ok(existsSync(source), file);
    assert.is(needsMore(file), "an emulated board", file);
  }
});

test("within twelve commits' turns every file runs, one half in each, and all where all are asked for", () => {
  const seen = new Set<string>();
  for (let turn = 0; turn < 12; turn++) {
    const runs = files.filter((file) => !isOutOfTurn(file, turn));
    assert.ok(
      HALVES.some((half) => half.join() === runs.join()),
      `${turn}`,
    );
    for (const file of runs) seen.add(file);
  }
  assert.is(seen.size, files.length);
  assert.equal(
    files.filter((file) => isOutOfTurn(file, "all")),
    [],
  );
});

test("any other file runs each time", () => {
  for (let turn = 0; turn < 12; turn++) assert.not(isOutOfTurn("mcu-client/isolate.test.js", turn));
});

test.run();
