// The server tests on the trusted runtime in this process, interpreted (in-process.test.ts: as native code).
import { test } from "uvu";
import { HOST_VARIABLE } from "../../host/translated-module/index.js";
import { computations } from "./computations.js";
import { inProcess } from "./deployment.js";
import { refusals } from "./refusals.js";

process.env[HOST_VARIABLE] = "wasm3";
computations(inProcess);
refusals(inProcess);
test.run();
