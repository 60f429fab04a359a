// Runs the tests of the isolate on emulated boards, in all hosts, and says what each board took.
//
// Usage: npm run test:mcu -- [--all] [--board BOARD]... [--jobs N]
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../host/common/paths.js";
import { type EmulatedBoard, emulatedBoards, missingTools } from "../host/mcu/toolchain.js";

const help = `Usage: npm run test:mcu -- [options]

  --board BOARD  test this board in full; repeat (default: mps2-an505)
  --all          test every emulated board in full
  --jobs N       test files run at a time (default 2)

Boards: ${emulatedBoards.join(", ")}. Each is tested in all hosts, thumb2, c and wasm3.
Exit codes: 0 all passed, 1 some failed, 2 wrong arguments or missing tools.`;

/** The files that run against the board named in VC_TEST_BOARD. */
const patterns = ["end-to-end/device", "end-to-end/power-cuts", "runtime-manager/device"];
patterns.push("mcu-client/isolate", "end-to-end/serial");

function refuse(text: string): never {
  console.error(`test:mcu: ${text}`);
  process.exit(2);
}

function chosenBoards(): { boards: readonly EmulatedBoard[]; jobs: string } {
  let values: { board?: string[]; all?: boolean; jobs?: string; help?: boolean };
  try {
    ({ values } = parseArgs({
      options: {
        board: { type: "string", multiple: true },
        all: { type: "boolean" },
        jobs: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (error) {
    refuse(`${(error as Error).message}\n\n${help}`);
  }
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  const { board = ["mps2-an505"], all = false, jobs = "2" } = values;
  if (!/^[1-9]\d?$/.test(jobs)) refuse(`--jobs ${jobs}: expected a number from 1 to 99`);
  const boards = board.map((name) => {
    const known = emulatedBoards.find((each) => each === name);
    return known ?? refuse(`--board ${name}: expected one of ${emulatedBoards.join(", ")}`);
  });
  return { boards: all ? emulatedBoards : [...new Set(boards)], jobs };
}

/** The tests on one board; their output passes through. */
function run(board: EmulatedBoard, jobs: string): Promise<{ ok: boolean; last: string }> {
  const runner = join(projectRoot, "build/js/test/run.js");
  // On a machine of two cores the interpreted runtime on each board takes its time.
  const args = [runner, ...patterns, "--jobs", jobs, "--timeout", "1800"];
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    // By hand every host has its turn.
    env: { ...process.env, VC_TEST_BOARD: board, VC_TEST_ROTATION: "all" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => child.kill(signal));
  let tail = "";
  child.stdout.on("data", (chunk: Buffer) => {
    process.stdout.write(chunk);
    tail = (tail + chunk.toString()).slice(-1000);
  });
  return new Promise((resolve) =>
    child.once("close", (code) => {
      const last = tail.trimEnd().split("\n").at(-1) ?? "";
      resolve({ ok: code === 0, last });
    }),
  );
}

const { boards, jobs } = chosenBoards();
const missing = missingTools();
if (missing !== undefined) refuse(missing);
const rows: { board: string; outcome: string; seconds: number }[] = [];
let ok = true;
for (const board of boards) {
  console.log(`# ${board}`);
  const started = Date.now();
  const outcome = await run(board, jobs);
  ok &&= outcome.ok;
  rows.push({ board, outcome: outcome.last, seconds: (Date.now() - started) / 1000 });
}
for (const { board, outcome, seconds } of rows)
  console.log(`${board.padEnd(12)} ${seconds.toFixed(0).padStart(5)} s  ${outcome}`);
process.exit(ok ? 0 : 1);
