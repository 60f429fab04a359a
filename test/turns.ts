import type { rotation } from "./mcu-client/rotation.js";

/**
 * Test files that take an emulated board half a minute or more, in halves that take about as long: the run of a commit
 * has one of them, beside all that stands in neither.
 */
export const HALVES: readonly (readonly string[])[] = [
  [
    "end-to-end/power-cuts.test.js",
    "mcu-client/hostile-inside.test.js",
    "mcu-client/leaks.test.js",
    "mcu-demo/archive.test.js",
    "mcu-demo/cost.test.js",
    "mcu-demo/faults.test.js",
    "mcu-demo/names.test.js",
    "update/kinds.test.js",
  ],
  [
    "browser/principal-page-board.test.js",
    "crypto/instruction-counts.test.js",
    "mcu-client/control-port.test.js",
    "mcu-client/floats.test.js",
    "mcu-client/hostile-outside.test.js",
    "mcu-client/reproducible.test.js",
    "mcu-demo/instructions.test.js",
    "mcu-demo/ports.test.js",
    "mcu-demo/worlds.test.js",
  ],
];

/** Hosts and smoke-tested boards turn by threes and twos: halves change when those have come round. */
const ROUND = 6;

/**
 * Whether a test file has no turn in this run.
 *
 * @param file as in `mcu-client/links.test.js`, relative to the folder of tests
 */
export function isOutOfTurn(file: string, turn: ReturnType<typeof rotation>["turn"]): boolean {
  if (turn === "all") return false;
  const half = HALVES.findIndex((files) => files.includes(file));
  return half >= 0 && half !== Math.floor(turn / ROUND) % HALVES.length;
}
