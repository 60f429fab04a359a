// The end-to-end tests against the isolate in a process of its own, the trusted runtime interpreted (process.test.ts: as native code).
import { test } from "uvu";
import { HOST_VARIABLE } from "../../host/translated-module/index.js";
import { hostProcess } from "../support/platforms.js";
import { TestAttestation } from "../support/system.js";
import { computations } from "./computations.js";
import { endPoints } from "./end-points.js";
import { lifecycle } from "./lifecycle.js";
import { serverKills } from "./server-kills.js";

process.env[HOST_VARIABLE] = "wasm3";
const attestation = await TestAttestation.start({ platform: hostProcess });
computations(attestation);
endPoints(attestation);
lifecycle(attestation);
serverKills(attestation);

test.after(() => attestation.stop());
test.run();
