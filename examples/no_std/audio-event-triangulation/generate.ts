import { InvalidArgumentError } from "commander";
import { CliError } from "../../../host/common/cli.js";
import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";
import { type Place, record, type Scene } from "./wav.js";

function parsePlace(text: string): Place {
  const parts = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [x = Number.NaN, y = Number.NaN] = parts;
  const near = [x, y].every((value) => Math.abs(value) <= 1_000);
  if (parts.length !== 2 || !near) {
    throw new InvalidArgumentError("expected X,Y in metres, as in 1.5,-2");
  }
  return [x, y];
}

function parsePart(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError("expected a number from 0 to 1");
  }
  return value;
}

const places = (text: string) => text.split(";").map(parsePlace);

const command = withSeed(
  generatorCommand(
    "audio-event-triangulation",
    "what three microphones record of one clap, as WAV files.",
  )
    .option("--clap <x,y>", "where the clap is, in metres", parsePlace, [1.25, 1.75])
    .option("--microphones <x,y;x,y;x,y>", "where the devices stand, in metres", places, [
      [0, 0],
      [4, 0.5],
      [0.5, 3],
    ])
    .option(
      "--sample-rate <hz>",
      "samples per second",
      (text) => parseWhole(text, 4_000, 192_000),
      16_000,
    )
    .option(
      "--milliseconds <n>",
      "length of each recording",
      (text) => parseWhole(text, 20, 1_000),
      64,
    )
    .option(
      "--noise <part>",
      "standard deviation of the noise, as a part of the clap's loudness at one metre",
      parsePart,
      0.005,
    ),
);

await generate(command, (options) => {
  const given = options as unknown as Omit<Scene, "seconds"> & { milliseconds: number };
  const scene: Scene = { ...given, seconds: given.milliseconds / 1_000 };
  if (scene.microphones.length !== 3) throw new CliError("--microphones needs three places");
  const random = new RandomNumbers(options.seed);
  const files = scene.microphones.map((_, index) => record(scene, index, random));
  const [x, y] = scene.clap;
  return {
    files: Object.fromEntries(files.map((content, index) => [`input-${index}`, content])),
    results: [new ClassicWriter().f64(x).f64(y).bytes],
    summary: `three recordings of ${files[0]?.length} bytes of a clap at (${x}, ${y})`,
  };
});
