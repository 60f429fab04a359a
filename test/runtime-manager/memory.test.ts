// The runtime in little memory, as on a microcontroller: what a policy leaves of it, and that a lack of it
// is refused and never fatal.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PROFILE_MCU } from "../../assembly/platform-services/program-profiles.js";
import { projectRoot } from "../../host/common/paths.js";
import { PROTOCOL_VERSION, Status } from "../../host/transport-protocol/index.js";
import { Trap } from "../../host/wasm3-node/index.js";
import { programOf } from "../execution-engine/programs.js";
import { makeCertificate } from "../support/certificates.js";
import { Deployment, example, LocalIsolate, newPrincipal } from "./deployment.js";

const PAGE = 65536;
const KIB = 1024;
const DONE = { type: "outcome", status: Status.SUCCESS, returnCode: 0, text: "" };

/** The largest file for which there is memory, beside the reserve for messages: one free block. */
function largestFree(isolate: LocalIsolate): number {
  const answer = isolate.request({ type: "runtimeState", id: 1 });
  assert.is(answer.type, "runtimeStateIs");
  return (answer as { freeBytes: number }).freeBytes;
}

/** A policy of that many principals, each with rights on many files: its text, and bytes of certificates. */
function largePolicy(
  principals: number,
  files: number,
): { text: Buffer; certificateBytes: number } {
  const url = "127.0.0.1:3017";
  const input = (n: number, rights: string) => ({ file_name: `input-${n}`, rights });
  const certificates = Array.from({ length: principals }, (_, id) =>
    newPrincipal(`principal ${id}`),
  );
  const document = {
    identities: certificates.map(({ pem }, id) => ({
      certificate: pem,
      id,
      file_rights: Array.from({ length: files }, (_, n) => input(n, "w")),
    })),
    programs: [
      {
        program_file_name: "p.wasm",
        id: 0,
        pi_hash: "00".repeat(32),
        file_rights: [
          ...Array.from({ length: files }, (_, n) => input(n, "r")),
          { file_name: "output", rights: "w" },
        ],
      },
    ],
    veracruz_server_url: url,
    proxy_attestation_server_url: url,
    proxy_service_cert: makeCertificate({ commonName: "CA", ca: true }).pem,
    enclave_cert_expiry: { year: 2099, month: 1, day: 1, hour: 0, minute: 0 },
    ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256",
    runtime_manager_hash_mcu: "00".repeat(32),
    debug: false,
    execution_strategy: "Interpretation",
  };
  return {
    text: Buffer.from(JSON.stringify(document)),
    certificateBytes: certificates.reduce((sum, { der }) => sum + der.length, 0),
  };
}

test("a large policy leaves the memory in one block: little more is gone than what the policy says", () => {
  const folder = mkdtempSync(join(tmpdir(), "vc-memory-"));
  const isolate = new LocalIsolate(join(folder, "device.key"), {
    memoryLimit: 256 * KIB,
    programProfile: PROFILE_MCU,
  });
  const initialise = (policy: Buffer) =>
    isolate.request({ type: "initialise", id: 1, version: PROTOCOL_VERSION, policy });
  try {
    const before = largestFree(isolate);
    const { text, certificateBytes } = largePolicy(31, 33);
    assert.ok(text.length > 50 * KIB && text.length <= PAGE, `${text.length} bytes`);
    // Rights of each subject, a name and two objects for each file, the isolate's key; and the allocator
    // searches in classes of a sixteenth.
    const kept = certificateBytes + 32 * 200 + 36 * 200 + 12 * KIB + before / 16;
    for (let turn = 0; turn < 3; turn++) {
      assert.equal(initialise(text).type, "done");
      const after = largestFree(isolate);
      assert.ok(
        before - after < kept,
        `of ${before} bytes ${after} are left; ${kept} are explained`,
      );
      isolate.request({ type: "reset", id: 1 });
      assert.is(largestFree(isolate), before);
    }

    // The same size in spaces leaves next to nothing behind.
    const small = largePolicy(1, 1).text;
    const padded = Buffer.concat([small, Buffer.alloc(56 * KIB - small.length, " ")]);
    assert.equal(initialise(padded).type, "done");
    assert.ok(before - largestFree(isolate) < 12 * KIB, `${largestFree(isolate)} of ${before}`);
  } finally {
    isolate.free();
    rmSync(folder, { recursive: true });
  }
});

const alice = newPrincipal("alice");
const bob = newPrincipal("bob");
const module = example("linear-regression");

/** What is said of a run that could not begin. */
const NOT_BEGUN = /^no memory to run the program now/;

/** A whole computation within that much memory: "done", or the words with which it was refused. */
async function compute(memoryLimit: number, fileBytes: number, strangers = 0): Promise<string> {
  let deployment: Deployment<LocalIsolate> | undefined;
  const refusal = (answer: unknown) => (answer as { text: string }).text;
  try {
    deployment = await Deployment.start({
      memoryLimit,
      programProfile: PROFILE_MCU,
      identities: [
        { certificate: alice, capabilities: "p.wasm:w,output:r" },
        { certificate: bob, capabilities: "input-0:w" },
      ],
      programs: [{ name: "p.wasm", module, capabilities: "input-0:r,output:w" }],
      policy: { execution_limits: { memory_bytes: 16 * PAGE } },
    });
    const author = await deployment.connect(alice);
    const sent = await author.send("program", "p.wasm", module);
    if (refusal(sent) !== "") return refusal(sent);
    const provider = await deployment.connect(bob);
    const { isolate } = deployment;
    const there = Array.from({ length: strangers }, () => isolate.openSession());
    // What they write may find no memory either: then they are gone, which is all the same here.
    for (const stranger of there) stranger.on("error", () => undefined);
    const data = await provider.send("data", "input-0", Buffer.alloc(fileBytes, 1));
    if (refusal(data) !== "") return refusal(data);
    // The program finds no points in such data: what counts is that it was run.
    // They never end the record that they have begun.
    const begun = Buffer.concat([Buffer.from([22, 3, 1, 0x12, 0]), Buffer.alloc(4_607, 1)]);
    for (const stranger of there) stranger.write(begun);
    const result = await author.read("output");
    if (NOT_BEGUN.test(refusal(result) ?? "")) {
      const state = await author.request({ type: "requestState" });
      assert.is((state as { failedRuns: number }).failedRuns, 0);
    }
    return result instanceof Uint8Array || (result as { returnCode: number }).returnCode !== 0
      ? "done"
      : refusal(result);
  } catch (error) {
    if (error instanceof Trap) throw error;
    return (error as Error).message;
  } finally {
    if (deployment) {
      const end = Math.ceil(memoryLimit / PAGE) * PAGE;
      const beyond = deployment.isolate.module.fetch(memoryLimit, end - memoryLimit);
      assert.ok(
        beyond.every((byte) => byte === 0),
        `memory beyond ${memoryLimit} was used`,
      );
      await deployment.stop();
    }
  }
}

test("whatever the memory, a step that does not fit is refused with words; none traps or goes beyond", async () => {
  const outcomes = new Set<string>();
  for (let kib = 48; kib <= 112; kib += 4) {
    for (const fileBytes of [1000, 12_000]) {
      const outcome = await compute(kib * KIB, fileBytes);
      assert.ok(
        // A handshake that finds no memory ends with the alert internal_error.
        outcome === "done" ||
          /memory|does not fit|closed|ended|socket|handshake|alert internal error/.test(outcome),
        `${kib} KiB: ${outcome}`,
      );
      outcomes.add(outcome === "done" ? outcome : "refused");
    }
  }
  assert.equal([...outcomes].sort(), ["done", "refused"]);
});

test("M2: a run that cannot begin for want of memory is not charged as a failed one", async () => {
  const outcomes = new Set<string>();
  for (let fileBytes = 2_000; fileBytes <= 60_000; fileBytes += 2_000) {
    const outcome = await compute(112 * KIB, fileBytes, 3);
    outcomes.add(NOT_BEGUN.test(outcome) ? "not begun" : outcome === "done" ? outcome : "refused");
  }
  assert.ok(outcomes.has("not begun") && outcomes.has("done"), [...outcomes].join(", "));
});

/** What `MEMORY=small` gives the runtime on the emulated boards, in bytes. */
function smallestFirmware(): number {
  const settings = readFileSync(join(projectRoot, "mcu-client/boards/mps2/isolate.mk"), "utf8");
  const found = /^trusted_MEMORY_BYTES .*small,\$\(MEMORY\)\),(\d+),/m.exec(settings);
  assert.ok(found, "isolate.mk says no memory for MEMORY=small");
  return Number(found?.[1]);
}

test("the smallest firmware's memory holds two sessions and a program of 16 KiB", async () => {
  const { module, output } = programOf(16 * KIB);
  const deployment = await Deployment.start({
    memoryLimit: smallestFirmware(),
    programProfile: PROFILE_MCU,
    identities: [
      { certificate: alice, capabilities: "p.wasm:w" },
      { certificate: bob, capabilities: "input-0:w,output:r" },
    ],
    programs: [{ name: "p.wasm", module, capabilities: "input-0:r,output:w" }],
    policy: { execution_limits: { memory_bytes: PAGE, stack_bytes: 8 * KIB } },
  });
  try {
    const [author, provider] = [await deployment.connect(alice), await deployment.connect(bob)];
    assert.equal(await author.send("program", "p.wasm", module), DONE);
    assert.equal(await provider.send("data", "input-0", Buffer.alloc(1000)), DONE);
    assert.equal(Buffer.from((await provider.read("output")) as Uint8Array), output);
  } finally {
    await deployment.stop();
  }
});

test("a limit within a page is used up to its last bytes", async () => {
  // Less than the smallest firmware gives: this program is a small one.
  assert.is(await compute(88 * KIB, 1000), "done");
});

test.run();
