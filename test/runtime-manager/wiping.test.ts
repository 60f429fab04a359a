// What is left of secrets in the trusted runtime's memory: nothing, once they are no longer needed.
import { createECDH, randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { State } from "../../host/transport-protocol/index.js";
import { mainProgram } from "../execution-engine/programs.js";
import { Deployment, type LocalIsolate, newPrincipal } from "./deployment.js";

const alice = newPrincipal("alice");
const bob = newPrincipal("bob");

/** Writes its input as its result, and returns `code`. */
const copies = (code: number) =>
  mainProgram(`
    (drop (call $read_input (i32.const 0) (i32.const 1024) (i32.const 8000)))
    (drop (call $write_output (i32.const 1024) (i32.const 6000)))
    (i32.const ${code})`);

function memoryOf(isolate: LocalIsolate): Buffer {
  return Buffer.from(isolate.module.fetch(0, isolate.module.memoryBytes));
}

/** How many pieces of 16 bytes of the secret stand anywhere in the memory. */
function traces(memory: Buffer, secret: Buffer): number {
  let found = 0;
  for (let at = 0; at + 16 <= secret.length; at += 16)
    if (memory.includes(secret.subarray(at, at + 16))) found++;
  return found;
}

async function deploy(module: Uint8Array) {
  const deployment = await Deployment.start({
    memoryLimit: 8 * 1024 * 1024,
    identities: [
      { certificate: alice, capabilities: "p.wasm:w,output:r" },
      { certificate: bob, capabilities: "input-0:w" },
    ],
    programs: [{ name: "p.wasm", module, capabilities: "input-0:r,output:w" }],
  });
  const author = await deployment.connect(alice);
  const provider = await deployment.connect(bob);
  await author.send("program", "p.wasm", module);
  return { deployment, isolate: deployment.isolate, author, provider };
}

for (const [name, end] of [
  ["a reset", ({ isolate }) => isolate.request({ type: "reset", id: 1 })],
  ["the end by consent", ({ author }) => author.request({ type: "requestShutdown" })],
  ["the end after a long time", ({ isolate }) => isolate.tick(3_600_001)],
] as const satisfies [string, (of: Awaited<ReturnType<typeof deploy>>) => unknown][])
  test(`${name} leaves nothing of inputs, results, transfers and messages`, async () => {
    const secret = randomBytes(6000);
    const half = randomBytes(6000);
    const all = await deploy(copies(0));
    const { deployment, isolate, author, provider } = all;
    await provider.send("data", "input-0", secret);
    const result = await author.read("output", "", 1000);
    assert.ok(secret.equals(Buffer.from(result as Uint8Array)));
    // A frame that has come in part, in a session of its own: its length, its head, half of its bytes.
    const cut = await deployment.connect(bob);
    const head = Buffer.from([0, 0, 0x17, 0x90, 0x95, 1, 0xa7]);
    const bytes = Buffer.concat([head, Buffer.from("input-0"), half.subarray(0, 3000)]);
    await new Promise((written) => cut.socket.write(bytes, written));
    const before = memoryOf(isolate);
    // As input and as result; the frame's bytes as they came.
    assert.is(traces(before, secret), 375);
    assert.ok(traces(before, half.subarray(0, 3000)) > 150);
    await end(all);
    const after = memoryOf(isolate);
    assert.is(traces(after, secret), 0);
    assert.is(traces(after, half), 0);
    await deployment.stop();
  });

test("a failed run leaves nothing of what the program wrote", async () => {
  const secret = randomBytes(6000);
  const { deployment, isolate, author, provider } = await deploy(copies(7));
  await provider.send("data", "input-0", secret);
  const piece = secret.subarray(3000, 3016);
  const places = () => memoryOf(isolate).toString("latin1").split(piece.toString("latin1")).length;
  assert.is(places(), 2, "the input itself");
  const refused = await author.read("output");
  assert.match((refused as { text: string }).text, /returned 7/);
  assert.is(places(), 2);
  await deployment.stop();
});

test("a transfer of which a session that is gone had sent a part leaves nothing", async () => {
  const secret = randomBytes(6000);
  const { deployment, isolate, provider } = await deploy(copies(0));
  await provider.request({
    type: "data",
    fileName: "input-0",
    offset: 0,
    total: 8000,
    bytes: secret,
  });
  assert.is(traces(memoryOf(isolate), secret), 375);
  isolate.request({ type: "closeSession", id: 1, session: provider.number });
  assert.is(traces(memoryOf(isolate), secret), 0);
  await deployment.stop();
});

/** Where in the memory a private key stands to this public one. */
function privateKeyPlaces(memory: Buffer, publicKey: Buffer): number[] {
  const found: number[] = [];
  const curve = createECDH("prime256v1");
  for (let at = 0; at + 32 <= memory.length; at += 16) {
    const candidate = memory.subarray(at, at + 32);
    // Hardly any other 32 bytes have so many values.
    if (new Set(candidate).size < 16) continue;
    try {
      curve.setPrivateKey(candidate);
    } catch {
      continue; // not below n
    }
    if (curve.getPublicKey().equals(publicKey)) found.push(at);
  }
  return found;
}

test("the isolate's private key stands in one place, and after the end in none", async () => {
  const { deployment, isolate, author } = await deploy(copies(0));
  const certificate = author.socket.getPeerX509Certificate();
  const spki = certificate?.publicKey.export({ type: "spki", format: "der" }) as Buffer;
  const publicKey = spki.subarray(-65);
  const places = privateKeyPlaces(memoryOf(isolate), publicKey);
  assert.is(places.length, 1);
  await author.request({ type: "requestShutdown" });
  const key = places[0] as number;
  assert.equal(memoryOf(isolate).subarray(key, key + 32), Buffer.alloc(32));
  assert.equal(privateKeyPlaces(memoryOf(isolate), publicKey), []);
  const state = isolate.request({ type: "runtimeState", id: 1 });
  assert.is((state as { state: number }).state, State.ENDED);
  await deployment.stop();
});

test.run();
