// The server tests on the trusted runtime of an emulated Cortex-M, compiled.
import { onDevice } from "./device.js";

onDevice("c");
