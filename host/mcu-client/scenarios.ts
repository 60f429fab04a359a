import { ClassicReader } from "../../examples/no_std/support/classic-encoding.js";
import { type Sample, samples } from "./device.js";

/** What a computation of three devices is about, and how its result is told and judged. */
export interface Scenario {
  readonly sample: Sample;
  /** What the generator of the data is asked for, beside the folder. */
  readonly generator: readonly string[];
  /** The result in words, and whether it is what the generator says it must be. */
  judge(result: Uint8Array, expected: Uint8Array): { text: string; right: boolean };
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

export const scenarios: Readonly<Record<Sample, Scenario>> = {
  "audio-event-triangulation": {
    sample: "audio-event-triangulation",
    generator: [],
    judge: judgePlace,
  },
  "shamir-secret-sharing": {
    sample: "shamir-secret-sharing",
    generator: ["--shares", "3", "--threshold", "3"],
    judge: judgeSecret,
  },
};

export const scenarioNames = samples;
/** Devices of a scenario. */
export const DEVICES = 3;
