// The end-to-end tests against the isolate in a process of its own, whose trusted runtime overwrites whatever it gives
// back: a pointer that outlives its call would read 0xDD.
import { test } from "uvu";
import { scrubbedProcess } from "../support/scrubbed.js";
import { TestAttestation } from "../support/system.js";
import { computations } from "./computations.js";
import { endPoints } from "./end-points.js";
import { lifecycle } from "./lifecycle.js";
import { serverKills } from "./server-kills.js";

const attestation = await TestAttestation.start({ platform: scrubbedProcess });
computations(attestation);
endPoints(attestation);
lifecycle(attestation);
serverKills(attestation);

test.after(() => attestation.stop());
test.run();
