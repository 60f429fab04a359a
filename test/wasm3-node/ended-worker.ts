// Calls to and fro between wasm and host functions without end, in a worker that is ended from outside or ends itself in
// a host function: in calls of calls, with views, traps and runtimes of all ages around.
import { parentPort, workerData } from "node:worker_threads";
import { Environment, type Module, type Runtime } from "../../host/wasm3-node/index.js";

const environment = new Environment();

function load(host: () => number): { runtime: Runtime; module: Module } {
  const runtime = environment.newRuntime({ memoryLimit: 2 ** 20 });
  const module = runtime.load(workerData.bytes);
  module.link("env", "host", "i()", host);
  return { runtime, module };
}

const views: Uint8Array[] = [];
let calls = 0;
const outer = load(() => {
  calls++;
  if (calls % 50 === 0) {
    const thrower = load(() => {
      throw new Error("from the host");
    });
    views.push(thrower.runtime.memory.view());
    try {
      thrower.module.findFunction("loop").call();
    } catch {}
    if (calls % 100 === 0) thrower.runtime.free();
  }
  if (calls % 3 === 0) {
    const inner = load(() => outer.runtime.memory.view()[0] ?? 0);
    inner.runtime.setDeadline(1);
    try {
      inner.module.findFunction("loop").call();
    } catch {}
  }
  if (calls < 10) outer.module.findFunction("grow").call();
  if (calls === workerData.exitAfter) process.exit(0);
  return 0;
});
parentPort?.postMessage("ready");
setImmediate(() => outer.module.findFunction("loop").call());
