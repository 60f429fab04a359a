// The server tests on the trusted runtime in this process that overwrites whatever it gives back.
import { test } from "uvu";
import { computations } from "./computations.js";
import { refusals } from "./refusals.js";
import { inProcessScrubbed } from "./scrubbed.js";

computations(inProcessScrubbed);
refusals(inProcessScrubbed);
test.run();
