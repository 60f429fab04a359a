// Makes runtimes in a worker, some of them never freed, and posts how many answered right.
import { parentPort, workerData } from "node:worker_threads";
import { Environment, type Runtime } from "../../host/wasm3-node/index.js";

const environment = new Environment();
const kept: Runtime[] = [];
let right = 0;
for (let i = 0; i < workerData.lives; i++) {
  const runtime = environment.newRuntime({ deadlineMs: 60_000 });
  const module = runtime.load(workerData.bytes);
  module.link("env", "twice", "i(i)", (n) => n * 2 + workerData.seed);
  const expected = (i + 1234567) * 2 + workerData.seed;
  if (module.findFunction("main").call(i) === expected) right++;
  if (i % 100 === 0) kept.push(runtime);
  else if (i % 3 !== 0) runtime.free();
}
parentPort?.postMessage(right);
