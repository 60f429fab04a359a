/** A search of a Maude model for a state that a property rules out. */
export interface MaudeProperty {
  file: string;
  module: string;
  property: number;
  /** Where it begins, and the state that must not be reached. */
  from: string;
  bad: string;
  /** A state that must be reached, or the property would hold of nothing. */
  premise: string;
  /** Equations that make the scenario. */
  flags?: string[];
  bound: string;
}

/** One check less: `flag` taken away, `property`'s bad state must be reached. */
export interface MaudeWeakening {
  property: MaudeProperty;
  flag: string;
  without: string;
  assumption?: boolean;
}

const attestation = {
  file: "attestation.maude",
  module: "ATTESTATION",
  from: "init",
  premise: "{ sentTo(k1, P) A:Facts }",
  bound: "4 starts on 2 devices, 3 challenges, 3 sessions, 4 signers",
};

const secrecy: MaudeProperty = {
  ...attestation,
  property: 23,
  bad: "{ knows(input) A:Facts }",
};
const agreement: MaudeProperty = {
  ...attestation,
  property: 6,
  bad: "{ sentTo(K:Key, P) A:Facts } such that K:Key =/= k1",
};
const session: MaudeProperty = {
  ...attestation,
  property: 7,
  from: "robbed",
  flags: ["theft"],
  bad: "{ knows(input) A:Facts }",
  bound: "the isolate's TLS key stolen, 3 sessions",
};
const roles: MaudeProperty = {
  ...attestation,
  property: 8,
  bad: "{ accepts(k1) A:Facts } such that not in(row(k1), A:Facts)",
  premise: "{ accepts(k1) A:Facts }",
};
const expired: MaudeProperty = { ...roles, property: 9 };
const exploit: MaudeProperty = {
  ...attestation,
  property: 10,
  bad: "{ bound(k2, P) A:Facts }",
  premise: "{ bound(k2, Q) A:Facts }",
};
const committed: MaudeProperty = {
  ...attestation,
  property: 4,
  bad: "{ sentTo(K:Key, P) A:Facts } such that not in(row(K:Key), A:Facts)",
};
const running: MaudeProperty = {
  ...attestation,
  property: 25,
  bad: "{ knows(cert(k0, P, mg, now)) A:Facts }",
  premise: "{ knows(cert(k1, P, mg, now)) A:Facts }",
};
const hybrid: MaudeProperty = {
  file: "hybrid.maude",
  module: "HYBRID",
  property: 24,
  from: "init",
  bad: "{ knows(input) A:Facts }",
  premise: "{ knows(encrypted(both)) broken(x25519) A:Facts }",
  bound: "1 session, 1 of the 2 exchanges broken later",
};

export const maudeProperties: readonly MaudeProperty[] = [
  committed,
  agreement,
  session,
  roles,
  expired,
  exploit,
  secrecy,
  hybrid,
  running,
];

export const maudeWeakenings: readonly MaudeWeakening[] = [
  {
    property: committed,
    flag: "statementOfAnotherKey",
    without: "the TLS peer's own key in the statement that a client sees",
  },
  {
    property: agreement,
    flag: "certificateWithoutPolicy",
    without: "policy and scope in the certificate",
  },
  { property: session, flag: "noExporter", without: "the TLS exporter in re-attestation" },
  {
    property: roles,
    flag: "rolesShared",
    without: "a purpose and a label of their own for commit statements",
  },
  {
    property: roles,
    flag: "purposeUnchecked",
    without: "the purpose of a signer's certificate (an isolate's key signs statements)",
  },
  {
    property: expired,
    flag: "statementKeysForEver",
    without: "a lower bound of time for statement keys",
  },
  { property: exploit, flag: "rawNonces", without: "nonces built by the root of trust" },
  { property: secrecy, flag: "datesUnchecked", without: "dates of certificates" },
  { property: running, flag: "challengeReused", without: "single use of a challenge" },
  {
    property: hybrid,
    flag: "lastSecretOnly",
    without: "both secrets in the key schedule",
  },
  {
    property: hybrid,
    flag: "transcriptUnsigned",
    without: "the offered groups in what the server signs",
  },
  {
    property: hybrid,
    flag: "bothBroken",
    without: "one exchange that survives",
    assumption: true,
  },
];
