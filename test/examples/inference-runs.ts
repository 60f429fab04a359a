// Runs private-inference on its first sample, so often, for `npm run bench:inference` to count instructions:
// node inference-runs.js interp|jit RUNS
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { exampleProgram, exampleRounds } from "../support/example-data.js";

const [strategy, runs] = process.argv.slice(2);
const [{ inputs, streams }] = exampleRounds("private-inference", "--images", "1");
const task = {
  program: exampleProgram("private-inference"),
  inputs,
  streams,
  strategy: strategy === "jit" ? ("jit" as const) : ("interp" as const),
};
const engine = new FreestandingEngine();
for (let run = 0; run < Number(runs); run++)
  if (engine.run(task).returnCode !== 0) throw new Error(`run ${run} failed`);
engine.free();
