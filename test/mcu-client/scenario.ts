// What the tests of the isolate's firmware have in common.
import * as assert from "uvu/assert";
import { Status } from "../../host/transport-protocol/index.js";
import { example, newPrincipal } from "../runtime-manager/deployment.js";
import { exampleData } from "../support/example-data.js";
import { EmulatedDeployment, type EmulatedDeploymentOptions } from "./deployment.js";

export const done = { type: "outcome", status: Status.SUCCESS, returnCode: 0, text: "" };
export const alice = newPrincipal("alice");
export const bob = newPrincipal("bob");
const carol = newPrincipal("carol");

/** Runs `use` on a deployment and ends it; a failure comes with the firmware's console. */
export async function withDeployment(
  options: EmulatedDeploymentOptions,
  use: (deployment: EmulatedDeployment) => Promise<void>,
): Promise<void> {
  const deployment = await EmulatedDeployment.start(options);
  try {
    await use(deployment);
  } catch (error) {
    console.log(deployment.isolate.board.output);
    throw error;
  } finally {
    await deployment.stop();
  }
}

export const shamir = {
  identities: [
    { certificate: alice, capabilities: "shamir.wasm:w,input-0:w" },
    { certificate: bob, capabilities: "input-1:w" },
    { certificate: carol, capabilities: "input-2:w,output:r" },
  ],
  programs: [
    {
      name: "shamir.wasm",
      module: example("shamir-secret-sharing"),
      capabilities: "input-0:r,input-1:r,input-2:r,output:w",
    },
  ],
};

/** Three parties, each in a session of its own, all open at once; the third one reads the result. */
export async function shareSecret(deployment: EmulatedDeployment): Promise<void> {
  const data = exampleData("shamir-secret-sharing");
  const [a, b, c] = await Promise.all([
    deployment.connect(alice),
    deployment.connect(bob),
    deployment.connect(carol),
  ]);
  assert.equal(await a.send("program", "shamir.wasm", example("shamir-secret-sharing")), done);
  // In reverse order: it does not matter.
  assert.equal(await c.send("data", "input-2", data["input-2"] as Uint8Array), done);
  assert.equal(await b.send("data", "input-1", data["input-1"] as Uint8Array), done);
  assert.equal(await a.send("data", "input-0", data["input-0"] as Uint8Array), done);
  const result = await c.read("output", "", 4096);
  assert.ok(result instanceof Uint8Array, JSON.stringify(result));
  assert.equal(Buffer.from(result), Buffer.from(data["expected-1"] as Uint8Array));
  for (const each of [a, b, c]) each.close();
}
