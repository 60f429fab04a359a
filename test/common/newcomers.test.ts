// Places for peers of whom nothing is known: bounds by address, who gives way, who is served.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addressGroups } from "../../host/common/address-groups.js";
import { Newcomers } from "../../host/common/newcomers.js";
import { RateLimit } from "../../host/common/rate-limit.js";

const keys = (address: string) => addressGroups(address).map(({ key }) => key);

test("IPv4 counts by address, IPv6 by /48, /56 and /64", () => {
  assert.equal(keys("192.0.2.7"), ["192.0.2.7"]);
  assert.equal(keys("::ffff:192.0.2.7"), ["192.0.2.7"]);
  const groups = ["2001:db8:1/48", "2001:db8:1:ab/56", "2001:db8:1:abcd/64"];
  assert.equal(keys("2001:db8:1:abcd::1"), groups);
  assert.equal(keys("2001:db8:1:abcd:ffff:1:2:3"), groups);
  assert.equal(keys("fe80::1%eth0"), ["fe80:0:0/48", "fe80:0:0:0/56", "fe80:0:0:0/64"]);
  assert.equal(keys("::1"), ["0:0:0/48", "0:0:0:0/56", "0:0:0:0/64"]);
  assert.equal(keys("nonsense"), ["nonsense"]);
});

/** Fills places; returns the addresses that are left. */
function fill(pool: Newcomers, addresses: readonly string[]): string[] {
  const there = new Set<{ address: string }>();
  for (const address of addresses) {
    const newcomer = pool.enter(address, () => there.delete(newcomer));
    there.add(newcomer);
  }
  assert.is(pool.count, there.size);
  return [...there].map(({ address }) => address);
}

test("of one address no more than its bound stay; a newcomer always gets in", () => {
  const pool = new Newcomers({ total: 100, perAddress: 10 });
  const left = fill(pool, [...new Array(1_000).fill("192.0.2.1"), "192.0.2.2"]);
  assert.is(left.filter((address) => address === "192.0.2.1").length, 10);
  assert.ok(left.includes("192.0.2.2"));
});

test("networks of IPv6 have twice and four times the bound of a /64", () => {
  const inside = (count: number, address: (n: number) => string) =>
    fill(
      new Newcomers({ total: 1_000, perAddress: 10 }),
      Array.from({ length: count }, (_, n) => address(n)),
    ).length;
  const hex = (n: number) => n.toString(16);
  assert.is(
    inside(500, (n) => `2001:db8:1:1::${hex(n)}`),
    10,
  );
  assert.is(
    inside(500, (n) => `2001:db8:1:1${hex(n % 256).padStart(2, "0")}::1`),
    20,
  );
  assert.is(
    inside(500, (n) => `2001:db8:1:${hex(n * 100)}::1`),
    40,
  );
});

test("when all places are taken, whoever has most gives way: many cannot push one out", () => {
  const pool = new Newcomers({ total: 64, perAddress: 16 });
  let pushed = false;
  pool.enter("198.51.100.1", () => {
    pushed = true;
  });
  const crowd = Array.from({ length: 5_000 }, (_, n) => `192.0.2.${n % 60}`);
  for (const address of crowd) pool.enter(address, () => undefined);
  assert.is(pool.count, 64);
  assert.is(pushed, false);
});

test("each address is served with the same chance, however many places it has", () => {
  const pool = new Newcomers({ total: 1_000, perAddress: 500 });
  let served = 0;
  for (let turn = 0; turn < 400; turn++) {
    const waiting = Array.from({ length: 20 }, () => pool.enter("192.0.2.1", () => undefined));
    waiting.push(pool.enter("192.0.2.2", () => undefined));
    if (pool.draw()?.address === "192.0.2.2") served++;
    for (const newcomer of waiting) pool.leave(newcomer);
    assert.is(pool.count, 0);
  }
  // A fair coin falls outside of this once in 10^15.
  assert.ok(served > 120 && served < 280, String(served));
});

test("a place that was given away cannot be given back again", () => {
  const pool = new Newcomers({ total: 1, perAddress: 1 });
  const first = pool.enter("192.0.2.1", () => undefined);
  const second = pool.enter("192.0.2.2", () => undefined);
  assert.is(pool.leave(first), false);
  assert.is(pool.leave(second), true);
  assert.is(pool.count, 0);
  assert.is(pool.draw(), undefined);
});

test("rates are counted at the networks of IPv6, too", () => {
  const limit = new RateLimit(1, 4);
  const allowed = (address: (n: number) => string) =>
    Array.from({ length: 100 }, (_, n) => limit.allows(address(n), 0)).filter(Boolean).length;
  assert.is(
    allowed(() => "192.0.2.1"),
    4,
  );
  assert.is(
    allowed((n) => `2001:db8:1:1::${n}`),
    4,
  );
  assert.is(
    allowed((n) => `2001:db8:2:${n}::1`),
    8,
  );
  assert.is(
    allowed((n) => `2001:db8:3:${n}00::1`),
    16,
  );
});

test.run();
