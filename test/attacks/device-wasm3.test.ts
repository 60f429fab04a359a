// Attacks on a system whose isolate is an emulated Cortex-M, its runtime interpreted.
import { attackDevice } from "./device.js";

await attackDevice("wasm3");
