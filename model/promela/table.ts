/** A Promela model, and how it is searched. */
export interface PromelaModel {
  /** `NAME.pml` beside this file. */
  name: string;
  /** Properties that its searches show to hold. */
  properties: number[];
  /** What bounds the search, in words. */
  bound: string;
  /** Searches that find nothing: together they reach every line that is not explained as unreachable. */
  searches: { defines: string[]; long?: boolean; cycles?: boolean }[];
}

/** A model with one check less, and the property whose attack must be found. */
export interface Weakening {
  model: string;
  /** The macro that takes the check away. */
  macro: string;
  property: number;
  /** Smaller sizes where they are enough for the attack. */
  defines?: string[];
  /** The check that is missing, in words. */
  without: string;
  /** Whether it takes away an assumption instead of a check of the code. */
  assumption?: boolean;
}

export const models: readonly PromelaModel[] = [
  {
    name: "commit",
    properties: [1, 2, 3, 4, 5, 13, 16],
    bound:
      "4 starts on 2 devices, 1 foreign device, 2 honest clients, attacker's principal; max_restarts 0 and 1",
    searches: [
      { defines: ["RESTARTS=0"] },
      { defines: ["RESTARTS=1", "STARTS=3"] },
      { defines: ["RESTARTS=1"], long: true },
      { defines: ["RESTARTS=1", "COOPERATIVE=1"] },
      { defines: ["RESTARTS=1", "COOPERATIVE=1"], cycles: true },
    ],
  },
  {
    name: "rounds",
    properties: [17, 18, 19, 20, 21],
    bound: "4 principals, 2 rounds, 2 failed runs, 2 pieces",
    searches: [{ defines: [] }],
  },
  {
    name: "admission",
    properties: [15],
    bound: "3 tries, 5 epochs, 2 signatures each, 2 strangers",
    searches: [{ defines: [] }],
  },
  {
    name: "updates",
    properties: [11, 12],
    bound: "2 devices, 3 images, 1 of the attacker",
    searches: [{ defines: [] }],
  },
  {
    name: "groups",
    properties: [14, 22],
    bound: "3 members with 2 keys each, k = 2",
    searches: [{ defines: [] }],
  },
];

const small = ["STARTS=2", "RESTARTS=0"];
const smallRestart = ["STARTS=2", "RESTARTS=1"];

export const weakenings: readonly Weakening[] = [
  {
    model: "commit",
    macro: "NO_COMMIT",
    property: 13,
    defines: small,
    without: "any commit: the code as it was",
  },
  {
    model: "commit",
    macro: "WRITE_BEFORE_COMMIT",
    property: 1,
    defines: small,
    without: "no write before the commit",
  },
  {
    model: "commit",
    macro: "READ_THEN_INSERT",
    property: 2,
    defines: smallRestart,
    without: "one transaction for counting and inserting",
  },
  {
    model: "commit",
    macro: "COUNT_BY_POLICY",
    property: 3,
    defines: small,
    without: "counting by policy and scope",
  },
  {
    model: "commit",
    macro: "SCOPE_UNCHECKED",
    property: 3,
    defines: small,
    without: "the token held against the scope",
  },
  {
    model: "commit",
    macro: "PIN_AT_FIRST_WRITE",
    property: 4,
    defines: small,
    without: "a statement before a client sends",
  },
  {
    model: "commit",
    macro: "SEND_THEN_RECORD",
    property: 4,
    defines: smallRestart,
    without: "the record before the sending",
  },
  {
    model: "commit",
    macro: "NO_PIN",
    property: 4,
    defines: smallRestart,
    without: "a client's record of its key",
  },
  {
    model: "commit",
    macro: "SMALLER_RESTART",
    property: 4,
    defines: smallRestart,
    without: "never an n smaller than recorded",
  },
  {
    model: "commit",
    macro: "UNSIGNED_REFUSAL",
    property: 5,
    defines: small,
    without: "signatures of refusals",
  },
  {
    model: "commit",
    macro: "EACH_REQUEST_A_ROW",
    property: 5,
    defines: smallRestart,
    without: "the same statement for a repeated request",
  },
  {
    model: "commit",
    macro: "ANY_KEYS_STATEMENT",
    property: 1,
    defines: small,
    without: "the isolate's own key in the statement",
  },
  {
    model: "commit",
    macro: "ROWS_FORGOTTEN",
    property: 1,
    defines: small,
    without: "rows for ever (purged, or an old database restored)",
  },
  {
    model: "commit",
    macro: "REVOKED_COMMITS",
    property: 1,
    defines: small,
    without: "the device still allowed at the commit",
  },
  {
    model: "commit",
    macro: "RESET_CLEARS_COUNTERS",
    property: 13,
    defines: small,
    without: "a new key for each start: a reset clears counters alone",
  },
  {
    model: "commit",
    macro: "MEMORY_CLONED",
    property: 13,
    defines: small,
    without: "memory that cannot be cloned",
    assumption: true,
  },
  { model: "rounds", macro: "ROUNDS_UNBOUNDED", property: 17, without: "max_rounds" },
  { model: "rounds", macro: "FAILURES_UNCOUNTED", property: 17, without: "max_failed_runs" },
  {
    model: "rounds",
    macro: "RESULT_AGAIN",
    property: 17,
    without: "one successful run in a round",
  },
  { model: "rounds", macro: "INPUT_OVERWRITTEN", property: 18, without: "inputs written once" },
  {
    model: "rounds",
    macro: "ITEM_REPLACED",
    property: 18,
    without: "stream items written once in a round",
  },
  {
    model: "rounds",
    macro: "READER_UNCHECKED",
    property: 19,
    without: "the reader's right to the result",
  },
  {
    model: "rounds",
    macro: "ONE_CONSENT_ENDS",
    property: 20,
    without: "consent of all before the end",
  },
  {
    model: "rounds",
    macro: "PIECES_WITHOUT_ROUND",
    property: 21,
    without: "the round in each piece of an answer",
  },
  {
    model: "admission",
    macro: "NO_SERVER_NONCE",
    property: 15,
    without: "the server's nonce in a signed request",
  },
  {
    model: "admission",
    macro: "NO_MEMORY",
    property: 15,
    without: "remembering which requests were taken",
  },
  {
    model: "admission",
    macro: "SIGNATURES_REMEMBERED",
    property: 15,
    without: "remembering the base and not the signature",
  },
  {
    model: "admission",
    macro: "FORGOTTEN_TOO_EARLY",
    property: 15,
    without: "remembering for as long as a nonce is valid",
  },
  {
    model: "admission",
    macro: "ONE_POOL",
    property: 15,
    without: "slots that strangers cannot have",
  },
  {
    model: "updates",
    macro: "BOOT_UNCHECKED",
    property: 12,
    without: "manifest against flash at every boot",
  },
  {
    model: "updates",
    macro: "COUNTER_IGNORED",
    property: 12,
    without: "sequence numbers that never go back",
  },
  {
    model: "updates",
    macro: "CONFIRMATION_UNSIGNED",
    property: 12,
    without: "the owner's signature under a confirmation",
  },
  {
    model: "updates",
    macro: "FLOOR_PER_DEVICE",
    property: 12,
    without: "a floor for the implementation",
  },
  {
    model: "updates",
    macro: "CLAIMS_OF_TOKEN",
    property: 11,
    without: "identity and lifecycle taken from the chain",
  },
  {
    model: "updates",
    macro: "LIFECYCLE_NOT_DERIVED",
    property: 11,
    without: "the lifecycle in the alias key's derivation",
  },
  { model: "groups", macro: "COUNTED_BY_KEY", property: 14, without: "counting by member" },
  {
    model: "groups",
    macro: "K_OF_CONTRIBUTIONS",
    property: 22,
    without: "k members instead of k contributions",
  },
  { model: "groups", macro: "K_UNCHECKED", property: 22, without: "k" },
];
