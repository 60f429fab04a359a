// Attacks on a system whose isolate is a process of its own, its trusted runtime one that overwrites whatever it gives
// back.
import { test } from "uvu";
import { scrubbedProcess } from "../support/scrubbed.js";
import { TestAttestation } from "../support/system.js";
import { memoryAttacks } from "./memory.js";
import { principalAttacks } from "./principals.js";
import { readerAttacks } from "./readers.js";
import { strangerAttacks } from "./strangers.js";

const attestation = await TestAttestation.start({ platform: scrubbedProcess });
strangerAttacks(attestation);
principalAttacks(attestation);
memoryAttacks(attestation);
readerAttacks(attestation);

test.after(() => attestation.stop());
test.run();
