// What a flood of made-up policy hashes costs the registry: counted in questions.
import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Registry, Whereabouts } from "../../host/veracruz-server/registry.js";
import { TooManyUnknown, WhereaboutsCache } from "../../host/veracruz-server/whereabouts-cache.js";
import { failure } from "../support/system.js";

const there: Whereabouts = {
  state: "running",
  server: "other",
  address: { host: "192.0.2.7", port: 3017 },
  token: "token",
  over: undefined,
};
const madeUp = () => randomBytes(32).toString("hex");
const nothing = () => Promise.resolve();

/** A registry that has some computations, and counts what it is asked. */
function counting(...computations: readonly string[]) {
  const asked: string[] = [];
  const registry: Registry = {
    name: "one",
    token: "token",
    async find(hash) {
      asked.push(hash);
      return computations.includes(hash) ? there : undefined;
    },
    claim: () => Promise.resolve(false),
    ...{ hold: nothing, drop: nothing, release: nothing, finish: nothing, close: nothing },
  };
  return { asked, cache: new WhereaboutsCache(registry) };
}

const FLOOD = 1_000;
/** At once, and in the seconds that the flood itself may take. */
const MOST_QUESTIONS = 100;

async function flood(cache: WhereaboutsCache, from: string): Promise<number> {
  let refused = 0;
  for (let n = 0; n < FLOOD; n++) {
    try {
      assert.is(await cache.find(madeUp(), from, false), undefined);
    } catch (error) {
      assert.instance(error, TooManyUnknown);
      refused++;
    }
  }
  return refused;
}

test("made-up hashes of one address are few questions to the registry, and harm nobody", async () => {
  const [known, fresh] = [madeUp(), madeUp()];
  const { asked, cache } = counting(known, fresh);
  assert.is((await cache.find(known, "192.0.2.1", false))?.server, "other");
  const refused = await flood(cache, "192.0.2.1");
  assert.ok(asked.length <= MOST_QUESTIONS, `${asked.length} questions`);
  assert.is(asked.length - 1 + refused, FLOOD);
  // Of the flood's own address: a computation that was found before, and one whose policy this server has.
  cache.forget(known);
  assert.is((await cache.find(known, "192.0.2.1", false))?.server, "other");
  const held = madeUp();
  assert.is(await cache.find(held, "192.0.2.1", true), undefined);
  assert.is(asked.at(-1), held);
  // Whoever comes from elsewhere finds what nobody has asked for so far.
  assert.is((await cache.find(fresh, "198.51.100.1", false))?.server, "other");
  assert.is((await cache.find(fresh, "192.0.2.1", false))?.server, "other");
});

test("the same hash is asked for once, however many ask at the same time", async () => {
  const hash = madeUp();
  const { asked, cache } = counting();
  const all = Array.from({ length: 500 }, () => cache.find(hash, "192.0.2.1", false));
  for (const found of await Promise.all(all)) assert.is(found, undefined);
  assert.equal(asked, [hash]);
});

test("a network of IPv6 counts as one address", async () => {
  const { asked, cache } = counting();
  for (let n = 0; n < FLOOD; n++)
    await cache.find(madeUp(), `2001:db8::${n.toString(16)}`, false).catch(() => undefined);
  assert.ok(asked.length <= MOST_QUESTIONS, `${asked.length} questions`);
  assert.instance(await failure(cache.find(madeUp(), "2001:db8::1", false)), TooManyUnknown);
});

test.run();
