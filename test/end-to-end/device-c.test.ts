// The end-to-end tests against the isolate on an emulated Cortex-M, its runtime compiled.
import { onDevice } from "./device.js";

await onDevice("c");
