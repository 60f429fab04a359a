// The view of a computation on a terminal: nothing of it is lost where the terminal is narrow.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wrapped } from "../../host/veracruz/live-view.js";

const state =
  "  computation  everything is there; the next request of the result runs the program; round 1 of 1";

test("a line that fits stays as it is", () => {
  assert.equal(wrapped("  server       127.0.0.1:3017, ready", 79), [
    "  server       127.0.0.1:3017, ready",
  ]);
});

test("a longer one goes on below, between words", () => {
  assert.equal(wrapped(state, 79), [
    "  computation  everything is there; the next request of the result runs the",
    "               program; round 1 of 1",
  ]);
});

test("no line is wider than the terminal, and none of its words is lost", () => {
  const names = Array.from({ length: 60 }, (_, index) => `input-${index}`).join(", ");
  for (const line of [state, `  missing      ${names}, from alice`, `  ! ${"x".repeat(300)}`])
    for (const columns of [1, 10, 30, 31, 40, 79, 200]) {
      const lines = wrapped(line, columns);
      for (const each of lines) assert.ok(each.length <= columns, `${columns}: ${each}`);
      assert.is(lines.join("").replace(/ /g, ""), line.replace(/ /g, ""));
    }
});

test.run();
