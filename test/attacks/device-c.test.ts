// Attacks on a system whose isolate is an emulated Cortex-M, its runtime compiled.
import { attackDevice } from "./device.js";

await attackDevice("c");
