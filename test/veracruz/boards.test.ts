// `veracruz up` with the isolate on a board: an emulated one that it starts itself, and the same over TCP, of a person
// who has enrolled the device before.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatAddress } from "../../host/common/addresses.js";
import { freePort } from "../../host/common/free-port.js";
import { wasmPath } from "../../host/common/paths.js";
import {
  buildIsolate,
  EmulatedIsolate,
  enrolmentOf,
  isolateMeasurement,
} from "../../host/mcu/emulated-isolate.js";
import { defaultRuntimeHost, missingTools } from "../../host/mcu/toolchain.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { Desk, type Outcome } from "./people.js";

const BOARD = "mps2-an500";
const HOST = defaultRuntimeHost;
const missing = missingTools();

/** A person's desk with a policy for that board, accepted. */
async function prepared(): Promise<Desk> {
  const desk = new Desk();
  const data = exampleData("string-edit-distance");
  desk.write("distance.wasm", readFileSync(wasmPath("examples/string-edit-distance")));
  desk.write("one", data["input-0"] as Uint8Array);
  desk.write("two", data["input-1"] as Uint8Array);
  desk.write("expected", data["expected-1"] as Uint8Array);
  await desk.init("alice");
  desk.write(
    "plan.yaml",
    `parties:
  alice: {contact: alice.contact, sends: [distance.wasm, input-0, input-1], reads: output}
programs: {distance.wasm: distance.wasm}
isolate: {microcontroller: ${isolateMeasurement(BOARD, HOST)}, development: true}
server: 127.0.0.1:${await freePort()}
attestation: {server: "127.0.0.1:${await freePort()}"}
`,
  );
  good(await desk.run("plan", "plan.yaml"));
  good(await desk.run("review", "policy.json", "--accept"));
  return desk;
}

function good(outcome: Outcome): Outcome {
  assert.is(outcome.code, 0, outcome.err);
  return outcome;
}

/** A whole computation with what is up, to its end. */
async function compute(desk: Desk): Promise<void> {
  const files = ["distance.wasm", "distance.wasm", "input-0", "one", "input-1", "two"];
  const sent = good(await desk.run("send", ...files));
  assert.match(sent.err, /checked the isolate: on a microcontroller, development grade/);
  good(await desk.run("fetch", "output", "-o", "result"));
  assert.is(desk.read("result"), desk.read("expected"));
}

/** Brings it up, has it used, and ends it whatever happens. */
async function whileUp(desk: Desk, isolate: readonly string[]): Promise<void> {
  try {
    const up = good(await desk.run("up", "policy.json", "--detach", "--json", ...isolate));
    assert.is(JSON.parse(up.out).status, "ready");
    await compute(desk);
  } finally {
    await desk.run("up", "policy.json", "--stop");
  }
}

if (missing !== undefined) skip(3, missing);
else {
  await buildIsolate(BOARD, HOST);

  test("up starts an emulated board, and vouches for it by its own attestation server", async () => {
    const desk = await prepared();
    try {
      await whileUp(desk, ["--isolate", `qemu:${BOARD}`]);
    } finally {
      desk.remove();
    }
  });

  test("up takes a device that runs elsewhere, once it has its enrolment", async () => {
    const desk = await prepared();
    const isolate = await EmulatedIsolate.start({
      board: BOARD,
      runtimeHost: HOST,
      build: false,
      state: desk.path("board.state"),
    });
    try {
      const where = ["--isolate", `tcp:${formatAddress(isolate.address)}`];
      const stranger = await desk.run("up", "policy.json", "--detach", ...where);
      assert.is(stranger.code, 1);
      assert.match(stranger.err, /device-unknown/);
      desk.write("device.json", JSON.stringify(enrolmentOf(isolate.identity, "on the desk")));
      await whileUp(desk, [...where, "--device", "device.json"]);
    } finally {
      await isolate.close();
      desk.remove();
    }
  });

  test("up says what is wrong with a board that is not the policy's", async () => {
    const desk = await prepared();
    try {
      const other = await desk.run("up", "policy.json", "--detach");
      assert.is(other.code, 1);
      assert.match(other.err, /its plan names no runtime for one/);
      const none = await desk.run("up", "policy.json", "--isolate", "qemu:nothing");
      assert.is(none.code, 2);
      assert.match(none.err, /qemu:BOARD\[:thumb2\|c\|wasm3\], where BOARD is one of mps2-an385,/);
    } finally {
      desk.remove();
    }
  });
}
test.run();
