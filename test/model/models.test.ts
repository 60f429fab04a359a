import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkAll } from "../../model/check.js";
import { models } from "../../model/promela/table.js";
import { properties } from "../../model/properties.js";
import { gaps } from "../../model/spin.js";
import { missingTools } from "../../model/tools.js";
import { skip } from "../support/shared.js";

const missing = missingTools();
if (missing.length > 0) {
  skip(4, `the models need ${missing.join(", ")}`);
} else {
  const rows = await checkAll(true, 2);

  for (const row of rows.filter(({ weakened }) => !weakened)) {
    test(`property ${row.property} holds in ${row.model}: ${row.what}`, () => {
      assert.is(row.outcome, "held", row.steps.join("\n"));
      assert.ok(row.states > 0);
    });
  }

  for (const row of rows.filter(({ weakened }) => weakened)) {
    test(`without ${row.what} property ${row.property} falls in ${row.model}`, () => {
      assert.is(row.outcome, "attack");
      assert.ok(row.steps.length > 0, "the attack's steps are told");
    });
  }

  test("each property is shown to hold, and each falls when a check is taken away", () => {
    for (const property of properties.keys()) {
      for (const weakened of [false, true]) {
        // Progress is no check that could be taken away.
        if (property === 16 && weakened) continue;
        assert.ok(
          rows.some((row) => row.property === property && row.weakened === weakened),
          `property ${property}, ${weakened ? "weakened" : "as designed"}`,
        );
      }
    }
  });

  test("a line that no search reaches and a premise that none meets are told", () => {
    const [model] = models;
    assert.ok(model);
    const search = {
      states: 1,
      depth: 1,
      unreached: ["1: k = 0 (state 1)", "1: premise = 2 (state 2)"],
      premises: new Map(model.properties.map((property) => [property, 1])),
      seconds: 0,
    };
    assert.equal(gaps(model, [search]).length, 3);
    assert.equal(gaps(model, [search, { ...search, unreached: [] }]), []);
  });
}

test.run();
