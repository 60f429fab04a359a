import { Sha256 } from "../crypto/sha256";
import {
  Computation,
  ExecutionLimits,
  FileContent,
  wipeContent,
} from "../execution-engine/computation";
import { execute } from "../execution-engine/engine";
import { Message } from "../transport-protocol/message";
import {
  FIELD_BYTES,
  FIELD_FILE_NAME,
  FIELD_OFFSET,
  FIELD_PROGRAM_NAME,
  FIELD_ROUND,
  FIELD_TOTAL,
  MAX_NAMES_BYTES,
  MESSAGE_DATA,
  MESSAGE_STREAM,
  STATE_PROVISIONING,
  STATE_READY,
  STATE_RESULT,
  STATE_STREAMING,
  STATUS_FAILED_GENERIC,
  STATUS_FAILED_INVALID_REQUEST,
  STATUS_FAILED_NOT_READY,
  STATUS_FAILED_OTHER_ROUND,
} from "../transport-protocol/messages";
import { FILE_INPUT, FILE_OUTPUT, FILE_PROGRAM, FILE_STREAM } from "../veracruz-utils/file-names";
import { Identity, MAX_IDENTITIES, NONE, Policy, Program } from "../veracruz-utils/policy";
import { describeFailure } from "./execution-failure";
import { Outcome } from "./outcome";
import {
  hasRoomFor,
  PIECE_E_BUSY,
  PIECE_E_MEMORY,
  PIECE_E_ORDER,
  PIECE_E_WRITTEN,
  PIECE_LAST,
  StoredFile,
} from "./stored-file";

/** Smallest file of which `freeBytes` speaks. */
const GRAIN: u32 = 1024;

/** The largest file in bytes, to the grain, for which there is memory now. */
export function freeBytes(): u32 {
  let low: u32 = 0;
  let high: u32 = 0x7fffffff / GRAIN;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (hasRoomFor(middle * GRAIN)) low = middle;
    else high = middle - 1;
  }
  return low * GRAIN;
}

/** Names of files that are missing: as many as one message holds. */
export class MissingFiles {
  /** Each followed by a line feed. */
  readonly names: StaticArray<u8> = new StaticArray<u8>(MAX_NAMES_BYTES as i32);
  length: u32 = 0;
  /** Index of the first file that found no room; 0: all did. */
  next: u32 = 0;

  /** Adds a name; returns whether there was room. */
  add(name: StaticArray<u8>): bool {
    const size = name.length as u32;
    if (this.length + size + 1 > MAX_NAMES_BYTES) return false;
    const at = changetype<usize>(this.names) + (this.length as usize);
    memory.copy(at, changetype<usize>(name), size);
    store<u8>(at + size, 0x0a);
    this.length += size + 1;
    return true;
  }
}

/** The kind of file that a writing request is for: `FILE_…`. */
function fileKindOf(type: u32): u32 {
  if (type === MESSAGE_DATA) return FILE_INPUT;
  return type === MESSAGE_STREAM ? FILE_STREAM : FILE_PROGRAM;
}

/**
 * The computation that a policy agreed: its files, its rounds, and who may do what. Every method that
 * answers a principal first asks the policy, and a request that fails changes nothing.
 */
export class AgreedComputation {
  /** Number of the current round, from 1. */
  round: u32 = 1;
  failedRuns: u32 = 0;
  /** Parallel to `policy.files`. */
  private files: StoredFile[] = [];
  private result: FileContent | null = null;
  /** Index of the program whose result this round has. */
  private resultOf: i32 = NONE;
  private previousResult: FileContent | null = null;
  /** By principal: whether it agreed to the end. */
  private agreedToEnd: StaticArray<bool> = new StaticArray<bool>(MAX_IDENTITIES as i32);

  constructor(private policy: Policy) {
    for (let i = 0; i < policy.files.length; i++) {
      this.files.push(new StoredFile(policy.files[i].name, policy.files[i].kind));
    }
  }

  // ---- State ----

  /** Whether a request names another round than the current one: it is then refused. */
  private isOfOtherRound(request: Message, outcome: Outcome): bool {
    const named = request.uint(FIELD_ROUND);
    if (named === 0 || named === this.round) return false;
    outcome
      .fail(STATUS_FAILED_OTHER_ROUND, "round ")
      .andNumber(named)
      .and(" is not the current one, which is ")
      .andNumber(this.round);
    return true;
  }

  /** The program that made a content, where that is this round's result; else null. */
  programOf(content: FileContent): Program | null {
    return content === this.result ? this.policy.programs[this.resultOf] : null;
  }

  private has(file: i32): bool {
    return file !== NONE && this.files[file].content !== null;
  }

  /** Whether the program and each of its inputs (or streams) is there. */
  private hasFilesOf(program: Program, kind: u32): bool {
    const count = kind === FILE_INPUT ? program.inputCount : program.streamCount;
    for (let number: u32 = 0; number < count; number++) {
      if (!this.has(this.policy.findNumbered(kind, number))) return false;
    }
    return true;
  }

  private moduleOf(program: Program): i32 {
    const name = program.fileName;
    return this.policy.findFile(changetype<usize>(name), name.length as u32);
  }

  /** The file that a request names; `NONE` where the policy has none of that name. */
  private findFileOf(request: Message): i32 {
    return this.policy.findFile(request.pointer(FIELD_FILE_NAME), request.length(FIELD_FILE_NAME));
  }

  /** Whether a program needs the file, and nobody has sent it yet (or, of a stream, this round's item). */
  private lacks(index: i32): bool {
    const file = this.policy.files[index];
    if (this.has(index) || file.kind === FILE_OUTPUT) return false;
    if (file.kind === FILE_PROGRAM) return true;
    if (file.kind === FILE_STREAM && this.result !== null) return false;
    const programs = this.policy.programs;
    for (let i = 0; i < programs.length; i++) {
      const count = file.kind === FILE_INPUT ? programs[i].inputCount : programs[i].streamCount;
      if (file.number < count) return true;
    }
    return false;
  }

  /**
   * Notes the names of files that are missing, as far as they fit: for a reader of the result of all, else of those that
   * the principal may read or write.
   *
   * @param first index of the file to begin with
   */
  listMissing(asker: Identity, first: u32, list: MissingFiles): void {
    const all = asker.mayRead(this.policy.findOutput());
    for (let i = first as i32; i < this.files.length; i++) {
      if (!this.lacks(i) || !(all || asker.rightsOn(i) !== 0)) continue;
      if (list.add(this.policy.files[i].name)) continue;
      list.next = i as u32;
      return;
    }
  }

  /** `STATE_PROVISIONING`, `STATE_STREAMING` or `STATE_READY`: how far a program's files are. */
  private readiness(program: Program): u32 {
    if (!this.has(this.moduleOf(program)) || !this.hasFilesOf(program, FILE_INPUT)) {
      return STATE_PROVISIONING;
    }
    return this.hasFilesOf(program, FILE_STREAM) ? STATE_READY : STATE_STREAMING;
  }

  /** `STATE_…`: that of the program that is farthest. */
  get state(): u32 {
    if (this.result !== null) return STATE_RESULT;
    let state = STATE_PROVISIONING;
    for (let i = 0; i < this.policy.programs.length; i++) {
      state = max(state, this.readiness(this.policy.programs[i]));
    }
    return state;
  }

  /** Whether every input that the policy names and a program are there, so that streams may begin. */
  private get provisioned(): bool {
    return this.state >= STATE_STREAMING;
  }

  // ---- Writing ----

  /**
   * Takes a piece of a file: `MESSAGE_DATA`, `MESSAGE_PROGRAM` or `MESSAGE_STREAM`.
   *
   * A file larger than its limit or the memory left is refused at its first piece.
   */
  takePiece(writer: Identity, session: u32, request: Message, outcome: Outcome): void {
    const kind = fileKindOf(request.type);
    const total = request.uint(FIELD_TOTAL);
    const index = this.findFileOf(request);
    if (!writer.mayWrite(index)) {
      outcome.failRole();
      return;
    }
    const file = this.files[index];
    if (file.kind !== kind) {
      outcome.fail(STATUS_FAILED_INVALID_REQUEST, "the request does not fit this kind of file");
      return;
    }
    if (total > this.policy.fileBytes) {
      outcome
        .fail(STATUS_FAILED_GENERIC, "a file of ")
        .andNumber(total)
        .and(" bytes is larger than the policy's limit of ")
        .andNumber(this.policy.fileBytes);
      return;
    }
    if (kind === FILE_STREAM && this.isOfOtherRound(request, outcome)) return;
    if (kind === FILE_STREAM && !this.provisioned) {
      outcome.fail(STATUS_FAILED_NOT_READY, "programs or inputs are missing: no stream item yet");
      return;
    }
    if (kind === FILE_STREAM && this.result !== null) {
      outcome.fail(STATUS_FAILED_NOT_READY, "this round has its result: no more stream items");
      return;
    }
    const taken = file.takePiece(
      session,
      request.uint(FIELD_OFFSET),
      total,
      request.pointer(FIELD_BYTES),
      request.length(FIELD_BYTES),
    );
    this.describePiece(taken, total, outcome);
    if (taken !== PIECE_LAST) return;
    if (kind === FILE_PROGRAM && !this.isAgreedProgram(index, file.transferred)) {
      file.drop();
      outcome.fail(STATUS_FAILED_GENERIC, "the program's hash is not the one in the policy");
      return;
    }
    file.keep();
  }

  private describePiece(taken: u32, total: u32, outcome: Outcome): void {
    switch (taken) {
      case PIECE_E_WRITTEN:
        outcome.fail(STATUS_FAILED_NOT_READY, "the file was written before");
        break;
      case PIECE_E_BUSY:
        outcome.fail(STATUS_FAILED_NOT_READY, "another session is writing this file");
        break;
      case PIECE_E_ORDER:
        outcome.fail(STATUS_FAILED_INVALID_REQUEST, "the piece does not continue the transfer");
        break;
      case PIECE_E_MEMORY:
        outcome
          .fail(STATUS_FAILED_GENERIC, "a file of ")
          .andNumber(total)
          .and(" bytes does not fit: ")
          .andNumber(freeBytes())
          .and(" bytes are free");
        break;
      default:
        outcome.succeed();
    }
  }

  private isAgreedProgram(index: i32, module: FileContent): bool {
    const program = this.policy.programs[this.policy.files[index].number as i32];
    const digest = new StaticArray<u8>(32);
    const hash = new Sha256();
    hash.reset();
    hash.update(changetype<usize>(module), module.length as usize);
    hash.finish(changetype<usize>(digest));
    return memory.compare(changetype<usize>(digest), changetype<usize>(program.piHash), 32) === 0;
  }

  /** Forgets the transfers of a session that is gone. */
  dropTransfers(session: u32): void {
    for (let i = 0; i < this.files.length; i++) this.files[i].dropOf(session);
  }

  // ---- Reading and running ----

  /** SHA-256 of a program that is there; null when refused. */
  programHash(request: Message, outcome: Outcome): StaticArray<u8> | null {
    const length = request.length(FIELD_FILE_NAME);
    const index =
      length > 0 ? this.policy.findProgram(request.pointer(FIELD_FILE_NAME), length) : NONE;
    if (index === NONE) {
      outcome.failRole();
      return null;
    }
    const program = this.policy.programs[index];
    if (!this.has(this.moduleOf(program))) {
      outcome.fail(STATUS_FAILED_NOT_READY, "the program is not there yet");
      return null;
    }
    outcome.succeed();
    return program.piHash;
  }

  /**
   * The content, in the current round, of a file that the reader may read; null when refused. `output` is computed
   * first where this round has no result yet and its beginning is asked for: the run happens inside this call.
   */
  read(reader: Identity, request: Message, outcome: Outcome): FileContent | null {
    const index = this.findFileOf(request);
    if (!reader.mayRead(index)) {
      outcome.failRole();
      return null;
    }
    if (this.isOfOtherRound(request, outcome)) return null;
    const file = this.files[index];
    if (file.kind === FILE_OUTPUT) {
      return this.readResult(
        request.pointer(FIELD_PROGRAM_NAME),
        request.length(FIELD_PROGRAM_NAME),
        request.uint(FIELD_OFFSET) === 0,
        outcome,
      );
    }
    if (file.content === null) outcome.fail(STATUS_FAILED_NOT_READY, "the file is not there yet");
    else outcome.succeed();
    return file.content;
  }

  private readResult(
    name: usize,
    nameLength: u32,
    mayRun: bool,
    outcome: Outcome,
  ): FileContent | null {
    const index = this.policy.findProgram(name, nameLength);
    if (index === NONE) {
      outcome.fail(
        STATUS_FAILED_INVALID_REQUEST,
        "name the program to run: the policy has several",
      );
      if (nameLength > 0) outcome.failRole();
      return null;
    }
    if (this.result === null && mayRun) this.run(index, outcome);
    else if (this.result === null) {
      outcome.fail(STATUS_FAILED_NOT_READY, "this round has no result yet: ask for its beginning");
      return null;
    } else if (this.resultOf === index) outcome.succeed();
    else {
      outcome.fail(STATUS_FAILED_NOT_READY, "this round's result is another program's");
      return null;
    }
    return this.result;
  }

  private run(index: i32, outcome: Outcome): void {
    const policy = this.policy;
    const program = policy.programs[index];
    const readiness = this.readiness(program);
    if (readiness !== STATE_READY) {
      outcome.fail(
        STATUS_FAILED_NOT_READY,
        readiness === STATE_STREAMING
          ? "this round's stream items are missing"
          : "the program or its inputs are missing",
      );
      return;
    }
    if (this.failedRuns >= policy.maxFailedRuns) {
      outcome
        .fail(STATUS_FAILED_GENERIC, "no further run: ")
        .andNumber(this.failedRuns)
        .and(" runs failed, as many as the policy allows");
      return;
    }
    const computation = new Computation();
    for (let number: u32 = 0; number < program.inputCount; number++) {
      computation.inputs.push(this.files[policy.findNumbered(FILE_INPUT, number)].content!);
    }
    for (let number: u32 = 0; number < program.streamCount; number++) {
      computation.streams.push(this.files[policy.findNumbered(FILE_STREAM, number)].content!);
    }
    computation.previousResult = this.previousResult;
    execute(this.files[this.moduleOf(program)].content!, computation, this.limits());
    if (computation.succeeded) {
      const output = computation.output;
      this.result = output !== null ? output : new StaticArray<u8>(0);
      this.resultOf = index;
      outcome.succeed();
      return;
    }
    if (computation.lacksMemory) {
      // It has not begun: that others fill the memory is no failure of the program.
      outcome.fail(STATUS_FAILED_NOT_READY, "no memory to run the program now: come again");
      return;
    }
    this.failedRuns++;
    if (computation.returnCode !== 0) outcome.failReturned(computation.returnCode);
    else describeFailure(computation, outcome);
  }

  private limits(): ExecutionLimits {
    const policy = this.policy;
    const limits = new ExecutionLimits();
    limits.program.fuel = policy.fuel;
    limits.program.deadlineMs = policy.deadlineMs;
    limits.program.memoryBytes = policy.memoryBytes;
    limits.program.stackBytes = policy.stackBytes;
    limits.program.strategy = policy.executionStrategy;
    limits.outputBytes = policy.outputBytes;
    return limits;
  }

  /** Ends this round: its result becomes the previous one, and streams take their next items. */
  nextRound(reader: Identity, request: Message, outcome: Outcome): void {
    const result = this.result;
    if (!reader.mayRead(this.policy.findOutput())) {
      outcome.failRole();
    } else if (this.isOfOtherRound(request, outcome)) {
      return;
    } else if (result === null) {
      outcome.fail(STATUS_FAILED_NOT_READY, "this round has no result yet");
    } else if (this.round >= this.policy.maxRounds) {
      outcome
        .fail(STATUS_FAILED_GENERIC, "no further round: the policy allows ")
        .andNumber(this.policy.maxRounds);
    } else {
      const previous = this.previousResult;
      if (previous !== null) wipeContent(previous);
      this.previousResult = result;
      this.result = null;
      this.resultOf = NONE;
      this.round++;
      for (let i = 0; i < this.files.length; i++) {
        if (this.files[i].kind === FILE_STREAM) this.files[i].clear();
      }
      outcome.succeed();
    }
  }

  // ---- The end ----

  /**
   * Notes that a principal agrees to the end. Returns whether all who may read a result now have.
   */
  agreeToEnd(index: i32, outcome: Outcome): bool {
    const output = this.policy.findOutput();
    if (!this.policy.identities[index].mayRead(output)) {
      outcome.failRole();
      return false;
    }
    outcome.succeed();
    this.agreedToEnd[index] = true;
    for (let i = 0; i < this.policy.identities.length; i++) {
      if (this.policy.identities[i].mayRead(output) && !this.agreedToEnd[i]) return false;
    }
    return true;
  }

  /** Wipes every file and result. */
  clear(): void {
    for (let i = 0; i < this.files.length; i++) this.files[i].clear();
    const result = this.result;
    if (result !== null) wipeContent(result);
    const previous = this.previousResult;
    if (previous !== null) wipeContent(previous);
    this.result = null;
    this.previousResult = null;
  }
}
