// The worker thread that holds the trusted runtime: takes frames from the isolate's main thread, hands
// them to the runtime, and hands on what it answers. It alone touches secrets; the main thread sees TLS
// bytes and the server's messages only.
import { parentPort, workerData } from "node:worker_threads";
import { CliError } from "../common/cli.js";
import { SoftwareRootOfTrust } from "../psa-attestation/root-of-trust.js";
import { jitStrategy } from "./jit-programs.js";
import { TrustedModule } from "./trusted-module.js";
import type { FromWorker, RuntimeWorkerData, ToWorker } from "./worker-protocol.js";

const port = parentPort;
if (port === null) throw new Error("to be started as a worker thread");
const data = workerData as RuntimeWorkerData;
const post = (message: FromWorker): void => port.postMessage(message);

/** Reports that the runtime is not to be used again. The main thread ends the process. */
function fatal(error: unknown): void {
  // A file that cannot be used is no defect: the stack would say nothing.
  const known = error instanceof CliError;
  const text =
    error instanceof Error ? ((known ? undefined : error.stack) ?? error.message) : String(error);
  post({ fatal: text });
  port?.close();
}

/** Takes every frame that the runtime has ready. */
function drain(module: TrustedModule): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let length = module.callU32("nextFrame"); length > 0; length = module.callU32("nextFrame")) {
    frames.push(module.fetch(module.callU32("framePointer"), length));
  }
  return frames;
}

function handle(module: TrustedModule, frame: Uint8Array): Uint8Array[] {
  const pointer = module.callU32("frameBuffer", frame.length);
  if (pointer === 0) return drain(module);
  module.store(pointer, frame);
  module.call("handleFrame", frame.length);
  return drain(module);
}

function start(): void {
  const rootOfTrust = SoftwareRootOfTrust.open(data.rootOfTrust);
  // Measured here, with the very bytes that are then instantiated.
  rootOfTrust.measureRuntime(data.runtime);
  const module = new TrustedModule(data.runtime, {
    memoryLimit: data.memoryLimit,
    moreStrategies: [jitStrategy],
    stop: data.stop,
    debug: (line) => post({ debug: line }),
    attestationToken: (nonce) => rootOfTrust.attestationToken(nonce),
  });
  port?.on("message", ({ frame }: ToWorker) => {
    try {
      post({ frames: handle(module, frame), done: true });
    } catch (error) {
      fatal(error);
    }
  });
  setInterval(() => {
    try {
      module.call("tick", data.tickMs);
      const frames = drain(module);
      if (frames.length > 0) post({ frames, done: false });
    } catch (error) {
      fatal(error);
    }
  }, data.tickMs).unref();
  post({ ready: { lifecycle: rootOfTrust.lifecycle, identity: rootOfTrust.describe() } });
}

try {
  start();
} catch (error) {
  fatal(error);
}
