// The rotation of the smoke tests leaves no board, host or link out.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultRuntimeHost, emulatedBoards, runtimeHosts } from "../../host/mcu/toolchain.js";
import { chooseSmoke, hostsInTurn, notInTurn, rotation } from "./rotation.js";

test("within few turns every board has its turn in each host over each link", () => {
  for (const inFull of emulatedBoards) {
    const seen = new Set<string>();
    const all = chooseSmoke("all", inFull).map((each) => JSON.stringify(each));
    for (let turn = 0; turn < 6 * emulatedBoards.length; turn++) {
      const chosen = chooseSmoke(turn, inFull);
      assert.is(new Set(chosen.map(({ board }) => board)).size, chosen.length);
      for (const each of chosen) seen.add(JSON.stringify(each));
    }
    assert.equal([...seen].sort(), [...all].sort());
  }
});

test("every host has its turn, one in each run, and all of them where all are asked for", () => {
  const hosts = runtimeHosts;
  const seen = new Set<string>();
  for (let turn = 0; turn < hosts.length; turn++) {
    const chosen = hosts.filter((host) => notInTurn(host, hosts, turn) === undefined);
    assert.is(chosen.length, 1);
    for (const host of chosen) seen.add(host);
  }
  assert.is(seen.size, hosts.length);
  for (const host of hosts) assert.is(notInTurn(host, hosts, "all"), undefined);
  assert.match(notInTurn("c", hosts, 0) ?? "", /not the turn of HOST=c/);
});

test("the default host is in each run, and each of the others comes round", () => {
  const seen = new Set<string>();
  for (let turn = 0; turn < 2; turn++) {
    const chosen = hostsInTurn(turn);
    assert.is(chosen.length, 2);
    assert.is(chosen[0], defaultRuntimeHost);
    for (const host of chosen) seen.add(host);
  }
  assert.equal([...seen].sort(), [...runtimeHosts].sort());
  assert.equal(hostsInTurn("all"), runtimeHosts);
});

test("VC_TEST_ROTATION forces the turn; what is no number is refused", () => {
  const before = process.env.VC_TEST_ROTATION;
  try {
    process.env.VC_TEST_ROTATION = "7";
    assert.equal(rotation(), { turn: 7, from: "VC_TEST_ROTATION" });
    process.env.VC_TEST_ROTATION = "all";
    assert.is(rotation().turn, "all");
    process.env.VC_TEST_ROTATION = "-1";
    assert.throws(() => rotation(), /VC_TEST_ROTATION=-1: expected a whole number, or all/);
    delete process.env.VC_TEST_ROTATION;
    assert.is(rotation().turn, rotation().turn);
  } finally {
    if (before === undefined) delete process.env.VC_TEST_ROTATION;
    else process.env.VC_TEST_ROTATION = before;
  }
});

test.run();
