// The table of policy fields says what the isolate's parser does: which fields there are, which must be
// there, and where each number ends.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Policy, PolicyError } from "../../host/veracruz-utils/policy.js";
import {
  type PolicyFieldRow,
  policyFields,
  policyObjects,
} from "../../host/veracruz-utils/policy-fields.js";
import { fullPolicy, samplePolicy, textOf } from "./sample-policies.js";

type Json = Record<string, unknown>;

/** The object of a policy that a row's field stands in. */
function objectOf(document: Json, of: string): Json {
  const first = (list: unknown): Json => (list as Json[])[0] as Json;
  if (of === "") return document;
  if (of === "file_rights[]") return first(first(document.identities).file_rights);
  return of.endsWith("[]") ? first(document[of.slice(0, -2)]) : (document[of] as Json);
}

/** A policy with every field; integers in it may be changed without breaking another rule. */
function document(): Json {
  return structuredClone(fullPolicy()) as unknown as Json;
}

/** Why the isolate refuses a policy, or nothing where it takes it. */
function refusal(policy: Json): string | undefined {
  try {
    new Policy(textOf(policy));
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError) return error.message;
    throw error;
  }
}

const place = ({ of, name }: PolicyFieldRow): string => `${of}${of === "" ? "" : "."}${name}`;

test("the table has every field of a policy, and no other", () => {
  assert.is(refusal(document()), undefined);
  for (const { of } of policyObjects) {
    const listed = policyFields.filter((field) => field.of === of).map(({ name }) => name);
    assert.equal(listed.toSorted(), Object.keys(objectOf(document(), of)).toSorted(), of);
  }
  assert.is(policyFields.filter(({ of }) => !policyObjects.some((o) => o.of === of)).length, 0);
});

test("fields are required where the table says so, and only there", () => {
  for (const field of policyFields) {
    const policy = document();
    delete objectOf(policy, field.of)[field.name];
    const reason = refusal(policy);
    if (field.absent === "required")
      assert.match(reason ?? "", `the key ${field.name} is missing`, place(field));
    else assert.is(reason, undefined, place(field));
  }
});

test("every bound of a number is the parser's", () => {
  let bounds = 0;
  for (const field of policyFields) {
    if (field.range === undefined) continue;
    const [min, max] = field.range;
    const tries: [value: number, good: boolean][] = [
      [min, true],
      [max, true],
      [min - 1, false],
      [max + 1, false],
    ];
    for (const [value, good] of tries) {
      const policy = document();
      objectOf(policy, field.of)[field.name] = value;
      const reason = refusal(policy);
      // The sample's other identity already has the id 4294967295, and 31 December stays a day.
      const taken = reason?.includes("the id is taken already") && field.name === "id";
      if (good && !taken) assert.is(reason, undefined, `${place(field)} = ${value}`);
      if (!good) {
        const why = /number out of range|expected an integer|not an integer/;
        assert.match(reason ?? "taken", why, `${place(field)} = ${value}`);
      }
      bounds++;
    }
  }
  assert.ok(bounds >= 60, `${bounds} bounds`);
});

test("booleans and texts refuse a number", () => {
  for (const field of policyFields) {
    if (field.range !== undefined) continue;
    const policy = document();
    objectOf(policy, field.of)[field.name] = 7;
    assert.ok(refusal(policy), place(field));
  }
});

test("a policy without any optional field is taken, but for one runtime hash", () => {
  const policy = samplePolicy() as unknown as Json;
  const optional = policyFields.filter(({ of, absent }) => of === "" && absent !== "required");
  for (const { name } of optional) if (name !== "runtime_manager_hash_linux") delete policy[name];
  assert.is(refusal(policy), undefined);
});

test.run();
