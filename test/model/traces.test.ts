// The attacks that the models find once a check is taken away, step by step against the real implementation: once
// with that check left out of its sources, and once as it is.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { type MaudeWeakening, maudeWeakenings } from "../../model/maude/table.js";
import { reach } from "../../model/maude.js";
import { type Weakening, weakenings } from "../../model/promela/table.js";
import { trace } from "../../model/spin.js";
import { missingTools } from "../../model/tools.js";
import { leftOut, moduleWithout, WeakenedHost } from "../../model/weakened/build.js";
import { notReplayed, stoppedTwice } from "../../model/weakened/not-replayed.js";
import { skip } from "../support/shared.js";
import type * as attestation from "./replays/attestation.js";
import type * as commit from "./replays/commit.js";
import type { Modules, Replayed } from "./replays/replay.js";

/** `testing/runtime-weakened` and `testing/attestation-weakened` are the modules with checks that can be left out. */
const without = (name: string): Modules => ({
  runtime: moduleWithout("runtime", name),
  attestation: moduleWithout("attestation", name),
});
const asShipped: Modules = {
  runtime: readFileSync(wasmPath("runtime")),
  attestation: readFileSync(wasmPath("attestation")),
};

const nameOf = (each: Weakening | MaudeWeakening) => ("macro" in each ? each.macro : each.flag);
const all = [...weakenings, ...maudeWeakenings];
const replayed = all.filter((each) => !(nameOf(each) in notReplayed));

function stepsOf(each: Weakening | MaudeWeakening): Promise<readonly string[]> {
  if ("macro" in each) return trace(each);
  const { property, flag } = each;
  const flags = [...(property.flags ?? []), flag];
  return reach(property, property.bad, flags).then(({ steps }) => steps);
}

/** The replay of a model, from the build with or without all its checks. */
async function replayOf(
  each: Weakening | MaudeWeakening,
  load: <T>(file: string) => Promise<T>,
): Promise<(steps: readonly string[], modules: Modules) => Promise<Replayed>> {
  if ("flag" in each) {
    const { replay } = await load<typeof attestation>("test/model/replays/attestation.js");
    return (steps, modules) => replay(steps, each.flag, modules);
  }
  const { replay } = await load<typeof commit>(`test/model/replays/${each.model}.js`);
  const restarts = each.defines?.includes("RESTARTS=0") ? 0 : 1;
  return (steps, modules) => replay(steps, each.property, restarts, modules);
}

test("each weakening is replayed, or it is said why not; and none is listed that is not there", () => {
  const names = all.map(nameOf);
  assert.equal([...leftOut.keys()].toSorted(), replayed.map(nameOf).toSorted());
  for (const name of [...Object.keys(notReplayed), ...Object.keys(stoppedTwice)]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(replayed.length >= 20);
});

test("the README's table has each of them, with the files of its check", () => {
  const lines = readFileSync(join(projectRoot, "model", "README.md"), "utf8").split("\n");
  for (const each of all) {
    const name = nameOf(each);
    const row = lines.find((line) => line.startsWith(`| \`${name}\``));
    assert.ok(row !== undefined, `no row for ${name}`);
    for (const file of leftOut.get(name) ?? []) {
      assert.ok(row.includes(`\`${file}\``), `${name}: ${file} is missing`);
    }
    const reason = notReplayed[name] ?? stoppedTwice[name] ?? "succeeds without, is stopped with";
    assert.ok(row.includes(reason), `${name}: ${reason}`);
  }
});

const missing = missingTools();
if (missing.length > 0) skip(replayed.length, `the models need ${missing.join(", ")}`);
else {
  const host = WeakenedHost.make();
  test.after(() => host.remove());

  for (const each of replayed) {
    const name = nameOf(each);
    const survives = stoppedTwice[name];
    test(`${name}: the attack without ${each.without} succeeds there and is stopped here`, async () => {
      const steps = await stepsOf(each);
      assert.ok(steps.length > 0);

      const weakened = await replayOf(each, (file) => host.import(file));
      const there = await host.without(name, () => weakened(steps, without(name)));
      if (survives === undefined) {
        assert.equal(there.stopped, [], "every step is possible");
        assert.ok(there.broken.length > 0, "and the property is broken");
      } else {
        assert.equal(there.broken, [], survives);
      }

      const real = await replayOf(each, (file) => import(join(projectRoot, "build", "js", file)));
      const here = await real(steps, asShipped);
      assert.equal(here.broken, []);
      assert.ok(here.stopped.length > 0, "a step is refused");
    });
  }
}

test.run();
