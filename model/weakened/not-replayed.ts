const UPDATES = "design only: nothing is updated yet";
const IDENTITY = "shown against the code by `test/proxy-attestation-server/identity.test.ts`";
const GROUPS = "design only: there are no groups yet";
const HYBRID =
  "an attack would need a broken exchange; who strips the group changes the transcript, from which all keys come";

/** Weakenings of the models whose attacks are not replayed against the code, and why. */
export const notReplayed: Readonly<Record<string, string>> = {
  MEMORY_CLONED: "an assumption, and no check that could be taken out",
  BOOT_UNCHECKED: UPDATES,
  COUNTER_IGNORED: UPDATES,
  CONFIRMATION_UNSIGNED: UPDATES,
  FLOOR_PER_DEVICE: IDENTITY,
  CLAIMS_OF_TOKEN: IDENTITY,
  LIFECYCLE_NOT_DERIVED: "shown against the code by `test/mcu-client/first-stage.test.ts`",
  COUNTED_BY_KEY: GROUPS,
  K_OF_CONTRIBUTIONS: GROUPS,
  K_UNCHECKED: GROUPS,
  lastSecretOnly: HYBRID,
  transcriptUnsigned: HYBRID,
  bothBroken: "an assumption, and no check that could be taken out",
};

/** Those that the code withstands without the model's check as well, and what still stops them. */
export const stoppedTwice: Readonly<Record<string, string>> = {
  rolesShared: "the two kinds of statement are maps of different entries",
};
