// Runs a recursion in a worker and posts the code of the trap that ends it.
import { parentPort, workerData } from "node:worker_threads";
import { Environment, Trap } from "../../host/wasm3-node/index.js";

const runtime = new Environment().newRuntime({ stackSize: 2 ** 27, nativeStackLimit: 2 ** 32 - 1 });
const deep = runtime.load(workerData.bytes).findFunction("deep");
try {
  deep.call(workerData.times);
  parentPort?.postMessage("returned");
} catch (error) {
  parentPort?.postMessage(error instanceof Trap ? error.code : String(error));
}
