// The trusted runtime that overwrites whatever it gives back: a file of its own, as `npm test -- PATTERN` builds what is
// named in what a test imports.
import { type Platform, processOf } from "./platforms.js";

/** The build of the trusted runtime in which freed memory is overwritten with 0xDD. */
export const SCRUBBED_RUNTIME = "testing/runtime-scrubbed";

/** The host isolate with it. */
export const scrubbedProcess: Platform = processOf("process, scrubbed", SCRUBBED_RUNTIME);
