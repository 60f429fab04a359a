import { ReturnCode } from "./return-code";

/** A value, or the code that says why there is none: `if (size.failed) return size.code;` */
export class Result<T> {
  private constructor(
    /** `Success`, or why there is no value. */
    readonly code: ReturnCode,
    private readonly content: T,
  ) {}

  static success<T>(value: T): Result<T> {
    return new Result<T>(ReturnCode.Success, value);
  }

  /** @param code any but `Success` */
  static failure<T>(code: ReturnCode): Result<T> {
    if (isReference<T>()) return new Result<T>(code, changetype<T>(0));
    else return new Result<T>(code, 0 as T);
  }

  get failed(): bool {
    return this.code !== ReturnCode.Success;
  }

  /** The value. Only after `failed` was found false: a trap otherwise. */
  get value(): T {
    if (this.failed) unreachable();
    return this.content;
  }
}
