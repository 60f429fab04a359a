import { wipe } from "../crypto/constant-time";
import { E_MEMORY } from "../platform-services/errors";
import { ProgramLimits } from "../platform-services/program-limits";
import { CheckReport } from "../wasm-checker/checker";

/** The content of one file. Never changed once it is whole, so references may be shared. */
export type FileContent = StaticArray<u8>;

/** Overwrites a file's bytes, when nothing refers to it any more. */
export function wipeContent(content: FileContent): void {
  wipe(changetype<usize>(content), content.length as usize);
}

/** How a run ended. */
export const RUN_RETURNED: u32 = 0;
/** The program trapped or ran into a limit; `detail` is a `TRAP_…` code. */
export const RUN_TRAPPED: u32 = 1;
/** The program was not started; `detail` is an `E_…` code. */
export const RUN_REFUSED: u32 = 2;

/** Bounds on one run: those that the home enforces, and those that the engine does itself. */
export class ExecutionLimits {
  program: ProgramLimits = new ProgramLimits();
  /** Largest result in bytes that `write_output` accepts. */
  outputBytes: u32 = 0;
}

/** The files that one run of a program sees, and its outcome. */
export class Computation {
  /** Inputs in the order of their index. */
  inputs: FileContent[] = [];
  /** This round's stream items in the order of their index. */
  streams: FileContent[] = [];
  /** The previous round's result; null in the first round. */
  previousResult: FileContent | null = null;

  /** What the program wrote; null as long as it has not. */
  output: FileContent | null = null;
  /** One of `RUN_…`. */
  status: u32 = RUN_REFUSED;
  /** `TRAP_…` or `E_…`, by `status`; 0 when the program returned. */
  detail: i32 = 0;
  /** What `main` returned, when it did. */
  returnCode: i32 = 0;
  /** Fuel used, in the units of `programUsage`; all ones where the strategy does not count. */
  fuelUsed: u64 = 0;
  /** The most memory in bytes that the program had. */
  peakMemoryBytes: u32 = 0;
  private report: StaticArray<u8> = new StaticArray<u8>(offsetof<CheckReport>() as i32);

  /** What the WASM checker found; its `code` is not 0 if that is why the program was refused. */
  get check(): CheckReport {
    return changetype<CheckReport>(changetype<usize>(this.report));
  }

  /** Whether the run released a result: `main` returned 0. */
  get succeeded(): bool {
    return this.status === RUN_RETURNED && this.returnCode === 0;
  }

  /** Whether it could not begin for want of memory: what its inputs are made no difference. */
  get lacksMemory(): bool {
    return this.status === RUN_REFUSED && this.detail === E_MEMORY && this.check.code === 0;
  }
}
