// Attacks on a system whose isolate is an emulated Cortex-M, its runtime compiled by the Thumb-2 compiler.
import { attackDevice } from "./device.js";

await attackDevice("thumb2");
