// The server tests on the trusted runtime in this process.
import { test } from "uvu";
import { computations } from "./computations.js";
import { inProcess } from "./deployment.js";
import { refusals } from "./refusals.js";

computations(inProcess);
refusals(inProcess);
test.run();
