// The picture that the triangulation demo draws of what was heard and found.
import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { clapPicture } from "../../host/mcu-client/clap-picture.js";
import { exampleData } from "../support/example-data.js";

const data = exampleData("audio-event-triangulation");
const inputs = [0, 1, 2].map((number) => data[`input-${number}`] as Uint8Array);
const truth = data["expected-1"] as Uint8Array;

/** Middle of the cross, or of the ring. */
const cross = (svg: string) =>
  /class="found" d="M([\d.]+) ([\d.]+)/.exec(svg)?.slice(1).map(Number);
const ring = (svg: string) =>
  /class="truth" cx="([\d.]+)" cy="([\d.]+)"/.exec(svg)?.slice(1).map(Number);

test("the clap is drawn where it was found, on its true place when it is right", () => {
  const svg = clapPicture(inputs, truth, truth);
  if (process.env.VERACRUZ_PICTURES)
    writeFileSync(`${process.env.VERACRUZ_PICTURES}/clap.svg`, svg);
  const [x = 0, y = 0] = cross(svg) ?? [];
  assert.equal(
    ring(svg),
    [x + 7, y + 7].map((value) => Number(value.toFixed(1))),
  );
  assert.match(svg, /found at \(1\.250, 1\.750\) m, 0\.0 cm from its true place/);
  assert.is(svg.split("<polyline").length, 4);
  // Sound takes its time: the marks of arrival are as far apart as the distances say.
  const marks = [...svg.matchAll(/class="arrival" x1="([\d.]+)"/g)].map(([, at]) => Number(at));
  const metres = [...svg.matchAll(/device-\d, ([\d.]+) m/g)].map(([, at]) => Number(at));
  const byTime = marks.map((at, index) => [at, metres[index]]).sort(([a = 0], [b = 0]) => a - b);
  const byPlace = [...byTime].sort(([, a = 0], [, b = 0]) => a - b);
  assert.equal(byTime, byPlace);
});

test("a wrong result is drawn beside it", () => {
  const wrong = Uint8Array.from(truth);
  new DataView(wrong.buffer).setFloat64(0, 3, true);
  const svg = clapPicture(inputs, wrong, truth);
  const [x = 0] = cross(svg) ?? [];
  const [trueX = 0] = ring(svg) ?? [];
  assert.ok(x > trueX + 20, `${x} and ${trueX}`);
  assert.match(svg, /175\.0 cm from its true place/);
});
test.run();
