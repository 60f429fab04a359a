// What a client on a computer remembers of the isolates that it has gone to (C).
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ComputationRecords,
  OtherIsolate,
  type RecordedIsolate,
} from "../../host/continuity/records.js";

const root = mkdtempSync(join(tmpdir(), "vc-records-"));
test.after(() => rmSync(root, { recursive: true, force: true }));

const policy = "a1".repeat(32);
const isolate = (n: number, key = n): RecordedIsolate => ({
  n,
  fingerprint: key.toString(16).padStart(2, "0").repeat(32),
});
const refusal = (take: () => void): string => {
  try {
    take();
  } catch (error) {
    assert.instance(error, OtherIsolate);
    return (error as Error).message;
  }
  throw new Error("it was taken");
};

test("C: one isolate of a policy; another one only where its number is accepted, and never back", () => {
  const records = new ComputationRecords(join(root, "one"));
  records.take(policy, isolate(1));
  records.take(policy, isolate(1));
  assert.match(
    refusal(() => records.take(policy, isolate(1, 9))),
    /claims the same number/,
  );
  assert.match(
    refusal(() => records.take(policy, isolate(2))),
    /--accept-restart 2 begins again/,
  );
  for (const accepted of [1, 2, 4])
    assert.match(
      refusal(() => records.take(policy, isolate(3), accepted)),
      /--accept-restart 3/,
    );
  records.take(policy, isolate(3), 3);
  for (const accepted of [undefined, 1, 2]) {
    assert.match(
      refusal(() => records.take(policy, isolate(1), accepted)),
      /nothing goes back/,
    );
    assert.match(
      refusal(() => records.take(policy, isolate(2), accepted)),
      /nothing goes back/,
    );
  }
  assert.match(
    refusal(() => records.take(policy, isolate(3, 9), 3)),
    /claims the same number/,
  );
  // Other policies have records of their own, and whoever starts anew finds what was written.
  records.take("b2".repeat(32), isolate(2));
  assert.equal(new ComputationRecords(join(root, "one")).latest(policy), isolate(3));
});

test("C: of clients at once that see no record each, one makes it, and the others keep to it", () => {
  const folder = join(root, "at-once");
  const other = new ComputationRecords(folder);
  /** Another client makes its record between this one's look and its own. */
  class Slow extends ComputationRecords {
    protected override first(hash: string, own: RecordedIsolate): RecordedIsolate {
      other.take(hash, isolate(1, 7));
      return super.first(hash, own);
    }
    protected override write(hash: string, own: RecordedIsolate): void {
      other.take(hash, isolate(2, 7), 2);
      super.write(hash, own);
    }
  }
  const slow = new Slow(folder);
  assert.match(
    refusal(() => slow.take(policy, isolate(1, 8))),
    /claims the same number/,
  );
  assert.equal(slow.latest(policy), isolate(1, 7));
  assert.match(
    refusal(() => slow.take(policy, isolate(2, 8), 2)),
    /claims the same number/,
  );
  assert.equal(slow.latest(policy), isolate(2, 7));
  const made = [`${policy}.1`, `${policy}.2`, `${policy}.first`];
  assert.equal(readdirSync(folder).sort(), made, "no draft stays");
  assert.is(statSync(join(folder, `${policy}.1`)).mode & 0o077, 0);
});

test("C: clients at once that are led to isolates of different numbers do not both go", () => {
  for (const [mine, theirs] of [
    [2, 1],
    [1, 2],
  ] as const) {
    const folder = join(root, `apart-${mine}`);
    const accept = (n: number) => new ComputationRecords(folder).take(policy, isolate(n), n);
    /** Has seen no record when another client, which sees none either, comes and goes. */
    class Slow extends ComputationRecords {
      private looks = 0;
      override latest(hash: string): RecordedIsolate | undefined {
        const seen = super.latest(hash);
        if (this.looks++ === 0) new ComputationRecords(folder).take(hash, isolate(theirs));
        return seen;
      }
    }
    refusal(() => new Slow(folder).take(policy, isolate(mine)));
    // What was refused has left no record by which the next client would go there.
    refusal(() => new ComputationRecords(folder).take(policy, isolate(mine)));
    new ComputationRecords(folder).take(policy, isolate(theirs));
    if (mine > theirs) accept(mine);
    else refusal(() => accept(mine));
  }
});

test("C: of a client that ends between its two files, the next one knows the isolate", () => {
  const folder = join(root, "cut");
  class Cut extends ComputationRecords {
    protected override write(): void {
      throw new Error("the power is gone");
    }
  }
  assert.throws(() => new Cut(folder).take(policy, isolate(1)), /power/);
  refusal(() => new ComputationRecords(folder).take(policy, isolate(2)));
  new ComputationRecords(folder).take(policy, isolate(1));
  writeFileSync(join(root, "cut", `${policy}.first`), "1\n");
  new ComputationRecords(folder).take(policy, isolate(1));
});

test("C: a record that cannot be read lets nothing through", () => {
  const folder = join(root, "damaged");
  const records = new ComputationRecords(folder);
  records.take(policy, isolate(1));
  for (const text of ["", "cut", `${"zz".repeat(32)}\n`, `${isolate(1).fingerprint}00`]) {
    writeFileSync(join(folder, `${policy}.1`), text);
    assert.throws(() => records.take(policy, isolate(1)), /holds no fingerprint/);
  }
});

test.run();
