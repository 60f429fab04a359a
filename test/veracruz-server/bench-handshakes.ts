// Handshakes with the isolate: one connection after the other by `vc-client`'s library, and, as `openssl s_time`
// counts them, as many as OpenSSL (Node's TLS) gets in some seconds, through the server's CONNECT.

import type { ModuleHost } from "../../host/translated-module/index.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { openNodeTls } from "../../host/veracruz-client/secure-channel.js";
import { connectTunnel } from "../../host/veracruz-client/tunnels.js";
import { Deployment, newPrincipal } from "../runtime-manager/deployment.js";
import {
  exampleModule,
  isolatePid,
  principal,
  System,
  type TestAttestation,
} from "../support/system.js";
import { processorSecondsOf } from "./bench-processes.js";

const SEQUENTIAL = 60;
/** Principals that make handshakes at the same time. */
const NAMES = ["alice", "bob", "carol", "dave"];
const TIMEOUT_MS = 60_000;

export interface Handshakes {
  /** The median of milliseconds from a client's first byte to the policy hash in its hands. */
  connectionMs: number;
  /** OpenSSL's handshakes a second. */
  perSecond: number;
  /** Processor time of the isolate's process for each of these, in milliseconds. */
  isolateMs: number;
  /** What the runtime itself works for one, with the policy hash: the least and the median, in milliseconds. */
  work: { least: number; median: number };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] as number;

/** The runtime alone, in this process, without threads and sockets. */
async function workOfRuntime(host: ModuleHost): Promise<Handshakes["work"]> {
  const alice = newPrincipal("alice");
  const deployment = await Deployment.start({
    host,
    identities: [{ certificate: alice, capabilities: "nop.wasm:w,output:r" }],
    programs: [{ name: "nop.wasm", module: exampleModule("nop"), capabilities: "output:w" }],
  });
  const { isolate } = deployment;
  const raw = isolate.raw.bind(isolate);
  let spent = 0;
  isolate.raw = (bytes) => {
    const begin = performance.now();
    const frames = raw(bytes);
    spent += performance.now() - begin;
    return frames;
  };
  const times: number[] = [];
  for (let i = 0; i < SEQUENTIAL; i++) {
    spent = 0;
    const connection = await deployment.connect(alice);
    await connection.request({ type: "requestPolicyHash" });
    times.push(spent);
    connection.close();
  }
  await deployment.stop();
  return { least: Math.min(...times), median: median(times) };
}

/** One handshake by OpenSSL, and the end of it. */
async function handshake(system: System, name: string): Promise<void> {
  const { policy, address } = system;
  const { pem, keyPem } = principal(name);
  const identity = loadIdentity(Buffer.from(pem), keyPem);
  // As a stranger: of signed requests a principal gets a few in a second.
  const tunnel = await connectTunnel(address, TIMEOUT_MS);
  const { stream } = await openNodeTls(tunnel, {
    policy,
    identity,
    expectedFingerprint: undefined,
    timeoutMs: TIMEOUT_MS,
  });
  await new Promise<void>((resolve) => {
    stream.once("close", resolve);
    stream.end();
  });
}

/**
 * @param host how the isolates of `attestation` are hosted at the moment
 * @param seconds for how long OpenSSL makes handshakes
 */
export async function handshakes(
  attestation: TestAttestation,
  host: ModuleHost,
  seconds: number,
): Promise<Handshakes> {
  const work = await workOfRuntime(host);
  const system = await System.start({
    attestation,
    principals: Object.fromEntries(NAMES.map((name) => [name, "nop.wasm:w,output:r"])),
    programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
    server: { sessionsPerMinute: 1e6 },
  });
  try {
    const times: number[] = [];
    for (let i = 0; i < SEQUENTIAL; i++) {
      const begin = performance.now();
      const client = await system.connect("alice");
      times.push(performance.now() - begin);
      await client.close();
    }
    const connectionMs = median(times);
    const pid = isolatePid(system.log);
    const before = processorSecondsOf(pid);
    const begin = performance.now();
    let count = 0;
    await Promise.all(
      NAMES.map(async (name) => {
        while (performance.now() - begin < seconds * 1000) {
          await handshake(system, name);
          count++;
        }
      }),
    );
    const perSecond = count / ((performance.now() - begin) / 1000);
    const isolateMs = ((processorSecondsOf(pid) - before) * 1000) / count;
    return { connectionMs, perSecond, isolateMs, work };
  } finally {
    await system.stop();
  }
}
