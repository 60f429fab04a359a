// The end-to-end tests against the isolate in a process of its own.
import { test } from "uvu";
import { hostProcess } from "../support/platforms.js";
import { TestAttestation } from "../support/system.js";
import { computations } from "./computations.js";
import { endPoints } from "./end-points.js";
import { lifecycle } from "./lifecycle.js";
import { serverKills } from "./server-kills.js";

const attestation = await TestAttestation.start({ platform: hostProcess });
computations(attestation);
endPoints(attestation);
lifecycle(attestation);
serverKills(attestation);

test.after(() => attestation.stop());
test.run();
