// The end-to-end tests against the isolate on an emulated Cortex-M, its runtime interpreted.
import { onDevice } from "./device.js";

await onDevice("wasm3");
