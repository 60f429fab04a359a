// The server tests on the trusted runtime of an emulated Cortex-M, compiled by the Thumb-2 compiler.
import { onDevice } from "./device.js";

onDevice("thumb2");
