// Attacks on a system whose isolate is a process of its own.
import { test } from "uvu";
import { hostProcess } from "../support/platforms.js";
import { TestAttestation } from "../support/system.js";
import { memoryAttacks } from "./memory.js";
import { principalAttacks } from "./principals.js";
import { readerAttacks } from "./readers.js";
import { restartAttacks } from "./restarts.js";
import { strangerAttacks } from "./strangers.js";

const attestation = await TestAttestation.start({ platform: hostProcess });
strangerAttacks(attestation);
principalAttacks(attestation);
memoryAttacks(attestation);
readerAttacks(attestation);
restartAttacks(attestation);

test.after(() => attestation.stop());
test.run();
