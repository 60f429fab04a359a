import { SCRUBBED_RUNTIME } from "../support/scrubbed.js";
import { inProcessOf } from "./deployment.js";

/** The trusted runtime that overwrites whatever it gives back. */
export const inProcessScrubbed = inProcessOf("in process, scrubbed", SCRUBBED_RUNTIME);
