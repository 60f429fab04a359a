// The end-to-end tests against the isolate on an emulated Cortex-M, its runtime compiled by the Thumb-2 compiler.
import { onDevice } from "./device.js";

await onDevice("thumb2");
