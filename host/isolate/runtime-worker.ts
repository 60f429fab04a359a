// The worker thread that holds the trusted runtime: takes frames from the isolate's main thread, hands
// them to the runtime, and hands on what it answers. It alone touches secrets; the main thread sees TLS
// bytes and the server's messages only.
import { parentPort, workerData } from "node:worker_threads";
import { CliError } from "../common/cli.js";
import { SoftwareRootOfTrust } from "../psa-attestation/root-of-trust.js";
import { jitStrategy } from "./jit-programs.js";
import { TrustedHome } from "./trusted-home.js";
import type { FromWorker, RuntimeWorkerData, ToWorker } from "./worker-protocol.js";

const port = parentPort;
if (port === null) throw new Error("start this file as a worker thread");
const data = workerData as RuntimeWorkerData;
const post = (message: FromWorker): void => port.postMessage(message);

/** Hands frames over without a copy. */
const postFrames = (frames: Uint8Array[], done: boolean): void => {
  const message: FromWorker = { frames, done };
  port.postMessage(
    message,
    frames.map(({ buffer }) => buffer as ArrayBuffer),
  );
};

/** Reports that the runtime is not to be used again. The main thread ends the process. */
function fatal(error: unknown): void {
  // A file that cannot be used is no defect: the stack would say nothing.
  const known = error instanceof CliError;
  const text =
    error instanceof Error ? ((known ? undefined : error.stack) ?? error.message) : String(error);
  post({ fatal: text });
  port?.close();
}

function start(): void {
  const rootOfTrust = SoftwareRootOfTrust.open(data.rootOfTrust);
  const home = new TrustedHome(data.runtime, rootOfTrust, {
    memoryLimit: data.memoryLimit,
    host: data.host,
    moreStrategies: [jitStrategy],
    stop: data.stop,
    debug: (line) => post({ debug: line }),
  });
  port?.on("message", ({ frame }: ToWorker) => {
    try {
      postFrames(home.handle(frame), true);
    } catch (error) {
      fatal(error);
    }
  });
  setInterval(() => {
    try {
      const frames = home.tick(data.tickMs);
      if (frames.length > 0) postFrames(frames, false);
    } catch (error) {
      fatal(error);
    }
  }, data.tickMs).unref();
  post({
    ready: {
      lifecycle: rootOfTrust.lifecycle,
      identity: rootOfTrust.describe(),
      host: home.module.host,
    },
  });
}

try {
  start();
} catch (error) {
  fatal(error);
}
