// Traces of model/maude/attestation.maude against the real root of trust, attestation server, isolate and client.
// What the model has at its beginning (an earlier start, an exploited one, stolen keys) each replay makes first.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { commitPayload } from "../../../host/continuity/commit-statement.js";
import { scopeHash } from "../../../host/continuity/scope.js";
import { verifyStatement } from "../../../host/proxy-attestation-server/statement.js";
import { sign1, X5CHAIN } from "../../../host/psa-attestation/cose.js";
import { LIFECYCLE_NON_PSA_ROT_DEBUG } from "../../../host/psa-attestation/lifecycle.js";
import type { Certification } from "../../../host/psa-attestation/nonces.js";
import { publicKeyPem } from "../../../host/psa-attestation/p256.js";
import { PsaError } from "../../../host/psa-attestation/psa-error.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "../../../host/psa-attestation/software-implementation.js";
import { TokenModule } from "../../../host/psa-attestation/token-module.js";
import { Status } from "../../../host/transport-protocol/index.js";
import { checkCommit } from "../../../host/veracruz-client/commitment.js";
import { ClientError } from "../../../host/veracruz-client/errors.js";
import { checkIsolate, runtimeHashes } from "../../../host/veracruz-client/isolate-identity.js";
import type { Policy } from "../../../host/veracruz-utils/policy.js";
import { OID_COMMIT_SERVICE, serviceCertificate } from "../../../host/x509/certificate.js";
import { readCertificate } from "../../../host/x509/read-certificate.js";
import { csrFor, type IsolateKey, newIsolateKey } from "../../proxy-attestation-server/support.js";
import { type LocalIsolate, sha256 } from "../../runtime-manager/deployment.js";
import {
  commitOf,
  doSteps,
  type Modules,
  type Replayed,
  type Steps,
  Stopped,
  turns,
} from "./replay.js";
import { textOf, World } from "./world.js";

const DAY_MS = 86_400_000;
const hash = (bytes: Uint8Array) => new Uint8Array(Buffer.from(sha256(bytes), "hex"));

/** Begins a scenario; what it returns does the steps, and `breaks` notes that the property is broken. */
type Scenario = (world: World, breaks: (what: string) => void) => Promise<Steps>;

// ---- What several of them need ----

/** A device whose trusted runtime is the measured one and was exploited: the attacker says what it asks for. */
class Exploited {
  private readonly root: TokenModule;
  private constructor(private readonly world: World) {
    this.root = new TokenModule(world.modules.attestation);
  }

  static async start(world: World): Promise<Exploited> {
    const exploited = new Exploited(world);
    const { root } = exploited;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    root.initialise({
      privateKey: new Uint8Array(
        Buffer.from(privateKey.export({ format: "jwk" }).d as string, "base64url"),
      ),
      entropy: randomBytes(32),
      implementationId: SOFTWARE_IMPLEMENTATION_ID,
      lifecycle: LIFECYCLE_NON_PSA_ROT_DEBUG,
      clientId: -1,
      bootSeed: randomBytes(32),
    });
    const measurement = hash(world.modules.runtime);
    const signerId = new Uint8Array(32);
    root.addSoftwareComponent({ type: "ARoT", measurement, signerId, version: "" });
    root.runtimeStarts();
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
    await world.enrol(
      {
        format: "veracruz-enrolment-v1",
        grade: "development",
        kind: "linux",
        label: "exploited",
        instanceId: hex(root.instanceId()),
        implementationId: hex(SOFTWARE_IMPLEMENTATION_ID),
        lifecycle: LIFECYCLE_NON_PSA_ROT_DEBUG,
        publicKey: publicKeyPem(root.publicKey()),
      },
      measurement,
    );
    return exploited;
  }

  /** A token over a request of the attacker's, and what it stands for. */
  async token(key: IsolateKey, policy: Policy) {
    const { challenge, deviceId } = await this.world.challenge();
    const policyHash = new Uint8Array(policy.hash);
    const { scope } = policy;
    const csr = csrFor(key);
    const asked: Certification = { challenge, csr, policyHash, scopeHash: scopeHash(scope) };
    try {
      const token = this.root.certificationToken(asked);
      return { token, csr, deviceId, policyHash, scope };
    } catch (error) {
      if (!(error instanceof PsaError)) throw error;
      throw new Stopped(error.message);
    }
  }

  free(): void {
    this.root.free();
  }
}

/** The attestation server's word on an isolate, as its own principal brings it about. */
async function statementFor(world: World, local: LocalIsolate): Promise<Uint8Array> {
  const connection = await world.connect(local);
  connection.request({ type: "commit" }).catch(() => undefined);
  await turns(() => local.commitRequests.length > 0);
  connection.close();
  const [request] = local.commitRequests;
  if (request === undefined) throw new Error("the isolate has asked for no commit");
  return world.commit({ ...request, type: "commitComputation" });
}

/** What a client sees before it sends: a certificate, and a statement for the key in it. */
function clientTrusts(world: World, certificate: Uint8Array, statement: Uint8Array): void {
  try {
    const isolate = checkIsolate(certificate, world.policy, undefined, new Date());
    checkCommit(statement, world.policy, isolate);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new Stopped(error.message);
  }
}

/** The statement that an isolate shows. */
async function shown(world: World, local: LocalIsolate): Promise<Uint8Array> {
  const connection = await world.connect(local);
  const state = await connection.request({ type: "requestState" });
  connection.close();
  if (state.type !== "state") throw new Error(`${state.type} instead of a state`);
  return state.statement;
}

async function takesFiles(world: World, local: LocalIsolate): Promise<void> {
  const connection = await world.connect(local);
  const answer = await connection.send("data", "input-1", Uint8Array.of(1));
  connection.close();
  if (answer.type !== "outcome" || answer.status !== Status.SUCCESS)
    throw new Stopped(textOf(answer));
}

/** The payload by which P would be committed to an isolate. */
function commitTo(world: World, certificate: Uint8Array): Uint8Array {
  const { policyHash, policy, limit } = world;
  const publicKey = new Uint8Array(readCertificate(certificate).spki);
  const subject = { policyHash, scopeHash: policy.scopeHash, publicKey };
  return commitPayload(subject, { n: 1, of: limit }, Date.now());
}

/** An isolate that is to believe a statement which nobody but the attacker has made. */
async function believes(
  world: World,
  breaks: (what: string) => void,
  forge: (certificate: Uint8Array, local: LocalIsolate) => Promise<Uint8Array>,
  step: RegExp,
): Promise<Steps> {
  const local = await world.device();
  const { certificate } = await world.start(local);
  return [
    [
      step,
      async () => {
        world.install(local, await forge(certificate, local));
        await takesFiles(world, local);
        breaks("an isolate takes files, and nobody has committed anything to it");
      },
    ],
  ];
}

/** The statement on a token that the isolate made in the attacker's session, for a nonce of the attacker's choice. */
async function reattestation(world: World, local: LocalIsolate, nonce: Uint8Array) {
  const connection = await world.connect(local);
  connection.request({ type: "requestFreshness", nonce }).catch(() => undefined);
  await turns(() => local.freshnessRequests.length > 0);
  connection.close();
  const [asked] = local.freshnessRequests;
  if (asked === undefined) throw new Error("the isolate has made no token");
  const { token, publicKey, policyHash, deviceId, exporter } = asked;
  const answer = await world.service.verifyProxyToken({
    type: "verifyProxyToken",
    ...{ token, nonce, publicKey, policyHash, deviceId, exporter },
  });
  if (!answer.ok) throw new Error(answer.detail);
  return { statement: answer.message.statement, publicKey };
}

// ---- The scenarios, by the flag of the model ----

const scenarios: Readonly<Record<string, Scenario>> = {
  statementOfAnotherKey: async (world, breaks) => {
    const local = await world.device();
    await world.start(local);
    const earlier = await statementFor(world, local);
    local.request({ type: "reset", id: 6 });
    let certificate: Uint8Array = new Uint8Array(0);
    return [
      [
        /^the attestation server certifies$/,
        async () => {
          certificate = (await world.start(local)).certificate;
        },
      ],
      [
        /^the isolate takes files$/,
        async () => {
          world.install(local, earlier);
          await takesFiles(world, local);
        },
      ],
      [
        /^the client sends to the isolate$/,
        async () => {
          const statement = await shown(world, local);
          // Whoever is in between shows what it likes where the isolate shows nothing.
          clientTrusts(world, certificate, statement.length > 0 ? statement : earlier);
          breaks("a client sends to a key that is not committed");
        },
      ],
    ];
  },

  certificateWithoutPolicy: async (world, breaks) => {
    const exploited = await Exploited.start(world);
    const key = newIsolateKey();
    const other = world.newPolicy();
    let certificate: Uint8Array = new Uint8Array(0);
    let statement: Uint8Array = new Uint8Array(0);
    return [
      [
        /^the attestation server certifies$/,
        async () => {
          certificate = (await world.certify(await exploited.token(key, other))).certificate;
        },
      ],
      [
        /^the attestation server commits$/,
        async () => {
          const asked = commitOf(key, new Uint8Array(other.hash), other.scopeHash);
          statement = await world.commit(asked);
        },
      ],
      [
        /^the client sends to the attacker$/,
        async () => {
          exploited.free();
          clientTrusts(world, certificate, statement);
          breaks("a client sends to an isolate of another policy");
        },
      ],
    ];
  },

  noExporter: async (world, breaks) => {
    const local = await world.device();
    let certificate: Uint8Array = new Uint8Array(0);
    return [
      [
        /^the attestation server certifies$/,
        async () => {
          certificate = (await world.start(local)).certificate;
        },
      ],
      [
        /^the attestation server commits$/,
        async () => world.install(local, await statementFor(world, local)),
      ],
      [
        /^the client sends to the attacker$/,
        async () => {
          // The session ends in the attacker, who has the isolate's key, and passes the client's nonce on.
          const nonce = new Uint8Array(randomBytes(32));
          const { statement, publicKey } = await reattestation(world, local, nonce);
          const verdict = verifyStatement(statement, {
            ca: world.policy.document.proxy_service_cert,
            nonce,
            publicKey,
            policyHash: world.policyHash,
            exporter: new Uint8Array(randomBytes(32)),
            isolateNotBefore: readCertificate(certificate).notBefore,
            runtimeHashes: runtimeHashes(world.policy),
            allowDevelopment: true,
            now: Date.now(),
          });
          if (!verdict.ok) throw new Stopped(`${verdict.detail} (${verdict.rule})`);
          breaks("a client takes another session's re-attestation for its own");
        },
      ],
    ];
  },

  rolesShared: (world, breaks) =>
    believes(
      world,
      breaks,
      async (_certificate, local) => {
        const one = new Uint8Array(32);
        one[31] = 1;
        return (await reattestation(world, local, one)).statement;
      },
      /^the isolate takes its own re attestation with nonce 1 for a commit$/,
    ),

  purposeUnchecked: (world, breaks) =>
    believes(
      world,
      breaks,
      async (certificate) => {
        const exploited = await Exploited.start(world);
        const key = newIsolateKey();
        const own = await world.certify(await exploited.token(key, world.newPolicy()));
        exploited.free();
        const chain = new Map([[X5CHAIN, own.certificate]]);
        return sign1(commitTo(world, certificate), key.privateKey, chain);
      },
      /^the isolate takes a statement signed by the attackers own isolate$/,
    ),

  statementKeysForEver: (world, breaks) =>
    believes(
      world,
      breaks,
      async (certificate) => {
        const stolen = newIsolateKey();
        const now = Date.now();
        const signer = serviceCertificate(OID_COMMIT_SERVICE, stolen.spki, world.ca, {
          notBefore: now - 9 * DAY_MS,
          notAfter: now - 2 * DAY_MS,
        });
        const chain = new Map([[X5CHAIN, signer]]);
        return sign1(commitTo(world, certificate), stolen.privateKey, chain);
      },
      /^the isolate takes a statement forged with a stolen key that has ended$/,
    ),

  rawNonces: async (world, breaks) => {
    const exploited = await Exploited.start(world);
    // It was started under Q.
    await exploited.token(newIsolateKey(), world.newPolicy());
    let evidence: Awaited<ReturnType<Exploited["token"]>> | undefined;
    return [
      [
        /^the root of trust signs a nonce of the exploited runtime$/,
        async () => {
          evidence = await exploited.token(newIsolateKey(), world.policy);
        },
      ],
      [
        /^the attestation server certifies$/,
        async () => {
          exploited.free();
          if (evidence === undefined) throw new Stopped("there is no token");
          await world.certify(evidence);
          breaks("a key of a runtime that was started under Q is certified for P");
        },
      ],
    ];
  },

  datesUnchecked: async (world, breaks) => {
    const local = await world.device();
    world.behind = 3 * DAY_MS;
    const { certificate } = await world.start(local);
    const statement = await statementFor(world, local);
    world.behind = 0;
    return [
      [
        /^the client sends to the attacker$/,
        async () => {
          // The key has leaked since the isolate ended, and its certificate with it.
          clientTrusts(world, certificate, statement);
          breaks("a client sends to a key whose certificate has expired");
        },
      ],
    ];
  },

  challengeReused: async (world, breaks) => {
    const local = await world.device();
    const { evidence } = await world.start(local);
    local.request({ type: "reset", id: 6 });
    return [
      [
        /^the attestation server takes a used challenge$/,
        async () => {
          await world.certify(evidence);
          breaks("a start that is over has a certificate from now on");
        },
      ],
    ];
  },
};

/** Replays a trace of the model's flag. */
export async function replay(
  trace: readonly string[],
  flag: string,
  modules: Modules,
): Promise<Replayed> {
  const scenario = scenarios[flag];
  if (scenario === undefined) throw new Error(`no scenario for ${flag}`);
  const world = new World(modules);
  const broken: string[] = [];
  try {
    const steps = await scenario(world, (what) => broken.push(what));
    return { stopped: await doSteps(trace, steps), broken };
  } finally {
    await world.free();
  }
}
