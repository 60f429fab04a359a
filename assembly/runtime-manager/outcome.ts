import {
  MAX_TEXT_BYTES,
  STATUS_FAILED_ERROR_CODE_RETURNED,
  STATUS_FAILED_INVALID_REQUEST,
  STATUS_FAILED_INVALID_ROLE,
  STATUS_SUCCESS,
} from "../transport-protocol/messages";

/** What comes of a request: a status, and for people the reason in ASCII. */
export class Outcome {
  status: u32 = STATUS_SUCCESS;
  /** What the program's `main` returned, with `STATUS_FAILED_ERROR_CODE_RETURNED`; else 0. */
  returnCode: i32 = 0;
  private characters: StaticArray<u8> = new StaticArray<u8>(MAX_TEXT_BYTES as i32);
  private length: u32 = 0;

  /** Where the reason lies. */
  get text(): usize {
    return changetype<usize>(this.characters);
  }
  get textLength(): u32 {
    return this.length;
  }

  get succeeded(): bool {
    return this.status === STATUS_SUCCESS;
  }

  succeed(): void {
    this.status = STATUS_SUCCESS;
    this.returnCode = 0;
    this.length = 0;
  }

  /** Sets a failure and the beginning of its reason. Returns itself, for `and`. */
  fail(status: u32, reason: string): Outcome {
    this.status = status;
    this.returnCode = 0;
    this.length = 0;
    return this.and(reason);
  }

  failInvalid(reason: string): void {
    this.fail(STATUS_FAILED_INVALID_REQUEST, reason);
  }

  /** One and the same refusal for what the policy does not allow, whether or not the file exists. */
  failRole(): void {
    this.fail(STATUS_FAILED_INVALID_ROLE, "the policy does not allow this");
  }

  failReturned(code: i32): void {
    this.fail(STATUS_FAILED_ERROR_CODE_RETURNED, "the program returned ").andInteger(code);
    this.returnCode = code;
  }

  /** Appends to the reason; text that does not fit is dropped. */
  and(reason: string): Outcome {
    for (let i = 0; i < reason.length; i++) this.put(reason.charCodeAt(i));
    return this;
  }

  andNumber(value: u64): Outcome {
    if (value >= 10) this.andNumber(value / 10);
    this.put(0x30 + ((value % 10) as i32));
    return this;
  }

  andInteger(value: i32): Outcome {
    if (value < 0) this.put(0x2d);
    const wide = value as i64;
    return this.andNumber((wide < 0 ? -wide : wide) as u64);
  }

  private put(character: i32): void {
    if (this.length < MAX_TEXT_BYTES) this.characters[this.length++ as i32] = character as u8;
  }
}
