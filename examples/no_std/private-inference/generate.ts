import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../../host/common/paths.js";
import { parseWhole } from "../../../host/common/quantities.js";
import { generate, generatorCommand } from "../support/generator.js";

/** Bytes of an image, and of what stands in samples.bin for one: the image and its class by train.py. */
const IMAGE_BYTES = 28 * 28;
const SAMPLE_BYTES = IMAGE_BYTES + 1;

const command = generatorCommand(
  "private-inference",
  "a network that was trained on Fashion-MNIST, and images of clothes, one in each round.",
).option("--images <n>", "how many (1 to 10)", (text) => parseWhole(text, 1, 10), 3);

await generate(command, (options) => {
  const folder = join(projectRoot, "examples/no_std/private-inference");
  const model = readFileSync(join(folder, "model.bin"));
  const samples = readFileSync(join(folder, "samples.bin"));
  const chosen = Array.from({ length: Number(options.images) }, (_, index) =>
    samples.subarray(index * SAMPLE_BYTES, (index + 1) * SAMPLE_BYTES),
  );
  const files: Record<string, Uint8Array> = { "input-0": model };
  for (const [round, sample] of chosen.entries())
    files[`round-${round + 1}/stream-0`] = sample.subarray(0, IMAGE_BYTES);
  const classes = chosen.map((sample) => sample.subarray(IMAGE_BYTES));
  return {
    files,
    results: classes,
    summary: `a network of ${model.length} bytes, ${chosen.length} images of classes ${classes.map(([each]) => each).join(", ")}`,
  };
});
