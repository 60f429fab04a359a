import { POLICY_OK } from "./policy-error-codes";

/** A number in decimal. */
export function decimal(value: u32): string {
  let text = "";
  do {
    text = String.fromCharCode(0x30 + ((value % 10) as i32)) + text;
    value /= 10;
  } while (value !== 0);
  return text;
}

/** Deepest nesting of a policy: policy, list, entry, list, entry, value. */
const DEPTH: i32 = 6;

/** A place in the policy: keys and indices from the outside in. */
export class PolicyPlace {
  private names: StaticArray<string> = new StaticArray<string>(DEPTH);
  private indices: StaticArray<u32> = new StaticArray<u32>(DEPTH);
  private depth: i32 = 0;

  /** Goes into the value of a key. The caller keeps the nesting within the policy's. */
  enterKey(name: string): void {
    this.names[this.depth++] = name;
  }

  /** Goes into an item of a list. */
  enterItem(index: u32): void {
    this.names[this.depth] = "";
    this.indices[this.depth++] = index;
  }

  /** Goes back out. */
  leave(): void {
    this.depth--;
  }

  /** Back to the policy itself. */
  clear(): void {
    this.depth = 0;
  }

  /** As text: `identities[0].file_rights[2].rights`; empty for the policy itself. */
  toString(): string {
    let text = "";
    for (let i = 0; i < this.depth; i++) {
      const name = this.names[i];
      if (name.length === 0) text += "[" + decimal(this.indices[i]) + "]";
      else text += (i === 0 ? "" : ".") + name;
    }
    return text;
  }
}

/** The first thing that was wrong with a policy. */
export class PolicyError {
  /** `POLICY_E_…`, or `POLICY_OK`. */
  code: i32 = POLICY_OK;
  /** Byte offset in the policy's text. */
  offset: u32 = 0;
  place: PolicyPlace = new PolicyPlace();
  /** The key that is missing, with `POLICY_E_MISSING_KEY`. */
  missing: string = "";
}
