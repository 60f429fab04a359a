import { ClassicReader } from "../program-data/classic-encoding.js";
import { clapPicture } from "./clap-picture.js";
import type { Sample } from "./device.js";

/** A computation of three devices: its data, and how its result is shown and checked. */
export interface Scenario {
  readonly sample: Sample;
  /** Options of the data's generator, besides the folder. */
  readonly generator: readonly string[];
  /** The result in words, and whether it is the one that the generator expects. */
  judge(result: Uint8Array, expected: Uint8Array): { text: string; right: boolean };
  /** A picture of inputs, result and what was expected (SVG): only the demo has all of them, as it made them. */
  draw?(inputs: readonly Uint8Array[], result: Uint8Array, expected: Uint8Array): string;
}

/** How far from the true place a triangulated one may be, in metres. */
export const TOLERANCE_METRES = 0.05;

function judgePlace(result: Uint8Array, expected: Uint8Array) {
  const place = (bytes: Uint8Array) => {
    const reader = new ClassicReader(bytes);
    return [reader.f64(), reader.f64()] as const;
  };
  const [x, y] = place(result);
  const [trueX, trueY] = place(expected);
  const off = Math.hypot(x - trueX, y - trueY);
  return {
    text:
      `the clap was at (${x.toFixed(3)}, ${y.toFixed(3)}) m; ` +
      `its true place is (${trueX.toFixed(3)}, ${trueY.toFixed(3)}), ${(off * 100).toFixed(1)} cm away`,
    right: off <= TOLERANCE_METRES,
  };
}

function judgeSecret(result: Uint8Array, expected: Uint8Array) {
  const right = Buffer.from(result).equals(expected);
  const shown = Buffer.from(result)
    .toString("latin1")
    .replace(/[^ -~]/g, "?");
  return { text: `the secret is "${shown}"`, right };
}

/** The computations of three devices, by the sample that they run. */
export const scenarios: Readonly<Record<Sample, Scenario>> = {
  "audio-event-triangulation": {
    sample: "audio-event-triangulation",
    generator: [],
    judge: judgePlace,
    draw: clapPicture,
  },
  "shamir-secret-sharing": {
    sample: "shamir-secret-sharing",
    generator: ["--shares", "3", "--threshold", "3"],
    judge: judgeSecret,
  },
};

/** Devices of a scenario. */
export const DEVICES = 3;
