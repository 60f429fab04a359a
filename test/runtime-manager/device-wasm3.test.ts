// The server tests on the trusted runtime of an emulated Cortex-M, interpreted.
import { onDevice } from "./device.js";

onDevice("wasm3");
