// What restarts, re-sends, lost, forged and repeated answers can bring a reader who owns the machine: never more than
// the policy allows, in random schedules. `npm run bench:schedules` runs a thousand of them.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runSchedules } from "./schedules.js";

test("40 random schedules bring no more answers, results or isolates than the policy allows", async () => {
  const { broken, isolates, results, refused } = await runSchedules(40);
  assert.equal(broken, []);
  // The schedules do reach what they are about.
  assert.ok(isolates > 40 && results > 15 && refused > 3, `${isolates} ${results} ${refused}`);
});

test("where commits are not counted, the same schedules have too many isolates accept files", async () => {
  const { broken } = await runSchedules(15, { uncounted: true });
  assert.ok(broken.length > 3, `${broken.length}`);
});

test("where, besides, the provider remembers no isolate, they bring a reader too many answers", async () => {
  const { broken } = await runSchedules(15, { uncounted: true, forgetful: true });
  const more = broken.filter((line) => {
    const { results, most } = JSON.parse(line.slice(line.indexOf("{")));
    return results > most.results;
  });
  assert.ok(more.length > 0, broken.join("\n"));
});

test.run();
