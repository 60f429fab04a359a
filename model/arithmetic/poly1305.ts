import { provedForAllSigns } from "./machine.js";
import { addScaled, constant, multiply } from "./polynomial.js";
import {
  address,
  assertCongruent,
  assertLimbs,
  fingerprint,
  inputLimbs,
  integer,
  type Proof,
} from "./proofs.js";
import { assertTag } from "./solver.js";

const prime = 2n ** 130n - 5n;
const room = "$assembly/crypto/chacha20-poly1305/";
const weight = (i: number) => 26 * i;
/** The state: r, then h at 20 and s at 40. */
const STATE = 4096;
const H = STATE + 20;
const S = STATE + 40;
const DATA = 8192;
const TAG = 12288;

const below26 = () => [0n, 2n ** 26n - 1n] as const;
/** The invariant of the loop: h after the partial carry. */
const invariant = (i: number) =>
  [0n, i === 1 ? 2n ** 26n + 2n ** 7n - 1n : 2n ** 26n - 1n] as const;

export const poly1305Proofs: readonly Proof[] = [
  {
    function: `${room}poly1305Blocks`,
    claim: "h' ≡ (h + block + 2^128) r; the bounds of h are an invariant of the loop",
    prove: (module) => {
      let text = "";
      provedForAllSigns(module, (machine) => {
        const r = inputLimbs(machine, STATE, 5, weight, below26);
        const h = inputLimbs(machine, H, 5, weight, invariant);
        const block = machine.inputBytes(DATA, 16);
        machine.call(`${room}poly1305Blocks`, [STATE, DATA, 1].map(address));
        assertLimbs(machine, H, 5, invariant);
        const sum = addScaled(addScaled(h, block, 1n), constant(2n ** 128n), 1n);
        assertCongruent(
          integer(machine, H, 5, weight),
          multiply(sum, r),
          prime,
          "h' = (h + block) r",
        );
        text = fingerprint(machine, H, 5);
      });
      // With r = 1 several blocks are a sum: that the loop goes from block to block, and how often.
      provedForAllSigns(module, (machine) => {
        for (let i = 0; i < 5; i++) machine.setWord(STATE + 4 * i, address(i === 0 ? 1 : 0));
        const h = inputLimbs(machine, H, 5, weight, invariant);
        const blocks = [0, 1, 2].map((i) => machine.inputBytes(DATA + 16 * i, 16));
        machine.call(`${room}poly1305Blocks`, [STATE, DATA, blocks.length].map(address));
        const sum = blocks.reduce(
          (total, block) => addScaled(addScaled(total, block, 1n), constant(2n ** 128n), 1n),
          h,
        );
        assertCongruent(integer(machine, H, 5, weight), sum, prime, "h' = h + blocks");
        text += fingerprint(machine, H, 5);
      });
      return text;
    },
  },
  {
    function: `${room}poly1305Finish`,
    determined: true,
    claim: "tag = ((h mod 2^130 - 5) + s) mod 2^128",
    prove: (module) => {
      let text = "";
      provedForAllSigns(module, (machine) => {
        inputLimbs(machine, STATE, 5, weight, below26);
        const h = inputLimbs(machine, H, 5, weight, invariant);
        const s = inputLimbs(
          machine,
          S,
          4,
          (i) => 32 * i,
          () => [0n, 2n ** 32n - 1n],
        );
        machine.call(`${room}poly1305Finish`, [STATE, TAG].map(address));
        assertTag(
          machine,
          h,
          prime,
          s,
          integer(machine, TAG, 4, (i) => 32 * i),
        );
        text += fingerprint(machine, TAG, 4);
      });
      return text;
    },
  },
];
