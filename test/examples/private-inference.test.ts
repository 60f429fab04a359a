// The network of private-inference on a computer: what the program says of all test images of Fashion-MNIST is what
// TensorFlow Lite's own interpreter says of the .tflite file, and NumPy of ours; it is right often enough.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { exampleProgram, exampleRounds } from "../support/example-data.js";
import { runOnNode } from "../support/hcalls.js";
import { LiteRt } from "../support/litert.js";
import { skip } from "../support/shared.js";
import { TestAttestation } from "../support/system.js";
import { imagesMissing, testImages } from "./fashion-mnist.js";
import { inferenceFolder, inferenceModel, inferInRounds } from "./inference-rounds.js";

const KIB = 1024;
const ACCURACY_BAR = 0.88;
const ROUNDS = 10;
const program = exampleProgram("private-inference");

const folder = mkdtempSync(join(tmpdir(), "vc-inference-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("model and program are small, and all ten samples are as the training script says, on every engine", () => {
  assert.ok(inferenceModel.length <= 100 * KIB, `${inferenceModel.length} bytes`);
  assert.ok(program.length <= 24 * KIB, `${program.length} bytes`);
  const engine = new FreestandingEngine();
  for (const { inputs, streams, expected } of exampleRounds("private-inference", "--images", "10"))
    for (const strategy of ["interp", "jit"] as const) {
      const outcome = engine.run({ program, inputs, streams, strategy });
      assert.equal(outcome.result, expected);
      assert.ok(outcome.peakMemoryBytes <= 160_000, `${outcome.peakMemoryBytes} bytes of memory`);
    }
  engine.free();
});

test("in an isolate, one computation classifies image after image, each in a round", async () => {
  const rounds = exampleRounds("private-inference", "--images", String(ROUNDS));
  const attestation = await TestAttestation.start();
  try {
    const images = rounds.map(({ streams: [image] }) => image as Uint8Array);
    const expected = rounds.map((round) => round.expected?.[0]);
    assert.equal(await inferInRounds(attestation, images), expected);
  } finally {
    await attestation.stop();
  }
});

if (imagesMissing) skip(2, imagesMissing);
else {
  const { images, labels } = testImages();
  const classes = images.map((image, index) => {
    const { code, output } = runOnNode(program, { inputs: [inferenceModel], streams: [image] });
    assert.is(code, 0, `image ${index}`);
    return output?.[0] as number;
  });
  /** The images of which somebody says something else. */
  const different = (others: ArrayLike<number>) => {
    assert.is(others.length, images.length);
    return classes.flatMap((each, index) => (each === others[index] ? [] : [index]));
  };

  test("on all 10,000 images it says what TensorFlow Lite's interpreter says, and is right about 88 % at least", async () => {
    const interpreter = await LiteRt.load();
    const scores = await interpreter.scores(
      new Uint8Array(readFileSync(join(inferenceFolder, "model.tflite"))),
      [1, 28, 28, 1],
      images.map((image) => Float32Array.from(image, (pixel) => pixel / 255)),
    );
    assert.is(images.length, 10_000);
    assert.equal(different(scores.map((row) => row.indexOf(Math.max(...row)))), []);
    const right = images.length - different(labels).length;
    console.log(`right about ${right} of ${images.length} images`);
    assert.ok(right >= ACCURACY_BAR * images.length, `${right}`);
  });

  const numpy =
    spawnSync("/usr/bin/python3", ["-c", "import numpy"], { stdio: "ignore" }).status === 0;
  if (!numpy) skip(1, "NumPy is missing (Debian package python3-numpy)");
  else
    test("on all 10,000 images it says what NumPy says", () => {
      copyFileSync(join(inferenceFolder, "model.bin"), join(folder, "model.bin"));
      const run = spawnSync(
        "/usr/bin/python3",
        ["-B", join(inferenceFolder, "train.py"), "classes", folder],
        { encoding: "utf8" },
      );
      assert.is(run.status, 0, run.stderr);
      assert.equal(different(readFileSync(join(folder, "classes.bin"))), []);
    });
}

test.run();
