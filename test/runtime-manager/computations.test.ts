// Computations of several principals on the trusted runtime: the server tests of the test plan.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mainProgram } from "../execution-engine/programs.js";
import { Deployment, example, newPrincipal, sha256 } from "./deployment.js";

const alice = newPrincipal("alice");
const bob = newPrincipal("bob");

test("random source: one principal provides the program and reads the result", async () => {
  const module = example("random-source");
  const deployment = await Deployment.start({
    identities: [{ certificate: alice, capabilities: "random.wasm:w,output:r" }],
    programs: [{ name: "random.wasm", module, capabilities: "output:w" }],
  });
  const connection = await deployment.connect(alice);
  const hash = await connection.request({ type: "requestPolicyHash" });
  assert.is(hash.type, "hash");
  assert.is(
    Buffer.from((hash as { hash: Uint8Array }).hash).toString("hex"),
    sha256(deployment.policyBytes),
  );
  assert.equal(await connection.send("program", "random.wasm", module), {
    type: "outcome",
    status: 0,
    returnCode: 0,
    text: "",
  });
  const result = await connection.read("output");
  assert.ok(result instanceof Uint8Array, JSON.stringify(result));
  assert.ok((result as Uint8Array).length > 0);
  await deployment.stop();
});

test.run();
