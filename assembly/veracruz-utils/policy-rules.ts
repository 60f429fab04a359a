// Rules between the entries of a policy: rights that fit the kind of file, files without gaps.
import { STRATEGY_JIT } from "../platform-services/program-profiles";
import { FILE_INPUT, FILE_OUTPUT, FILE_PROGRAM, FILE_STREAM, NO_NUMBER } from "./file-names";
import { JsonReader } from "./json";
import { Policy, Program, RIGHT_READ, RIGHT_WRITE } from "./policy";
import {
  POLICY_E_INPUTS_NOT_CONTIGUOUS,
  POLICY_E_NO_RUNTIME_HASH,
  POLICY_E_OUTPUT_WRITTEN_BY_PRINCIPAL,
  POLICY_E_PROGRAM_RIGHT,
  POLICY_E_PROGRAM_WITHOUT_OUTPUT,
  POLICY_E_STREAMS_NOT_CONTIGUOUS,
  POLICY_E_UNKNOWN_FILE,
  POLICY_OK,
} from "./policy-error-codes";
import { PolicyPlace } from "./policy-errors";

/** Why a program, or a principal, may not have these rights on such a file; `POLICY_OK` where it may. */
export function refusalOfRight(kind: u32, rights: u32, isProgram: bool): i32 {
  const writesOutput = kind === FILE_OUTPUT && (rights & RIGHT_WRITE) !== 0;
  if (!isProgram) return writesOutput ? POLICY_E_OUTPUT_WRITTEN_BY_PRINCIPAL : POLICY_OK;
  // A program reads inputs and streams, and writes the result; its previous result it may always read,
  // so that `rw` on the result says no more than `w`.
  const reads = kind !== FILE_OUTPUT && kind !== FILE_PROGRAM && rights === RIGHT_READ;
  return writesOutput || reads ? POLICY_OK : POLICY_E_PROGRAM_RIGHT;
}

/** A program's inputs and streams are contiguous from 0, and it may write the result. */
export function checkProgramFiles(program: Program, policy: Policy, reader: JsonReader): void {
  const files = policy.files;
  let inputs: u32 = 0;
  let streams: u32 = 0;
  let inputsEnd: u32 = 0;
  let streamsEnd: u32 = 0;
  let output = false;
  for (let file = 0; file < files.length; file++) {
    if (program.rightsOn(file) === 0) continue;
    const end = files[file].number + 1;
    if (files[file].kind === FILE_INPUT) {
      inputs++;
      inputsEnd = max(inputsEnd, end);
    } else if (files[file].kind === FILE_STREAM) {
      streams++;
      streamsEnd = max(streamsEnd, end);
    } else {
      output = true;
    }
  }
  program.inputCount = inputs;
  program.streamCount = streams;
  if (inputs !== inputsEnd) reader.failValue(POLICY_E_INPUTS_NOT_CONTIGUOUS);
  if (streams !== streamsEnd) reader.failValue(POLICY_E_STREAMS_NOT_CONTIGUOUS);
  if (!output) reader.failValue(POLICY_E_PROGRAM_WITHOUT_OUTPUT);
}

/**
 * The rules that need the whole policy.
 *
 * @param fuelOffset where the policy bounds fuel; 0 when it does not
 */
export function checkWhole(
  policy: Policy,
  fuelOffset: u32,
  place: PolicyPlace,
  reader: JsonReader,
): void {
  for (let i = 0; i < policy.files.length; i++) {
    const file = policy.files[i];
    if (file.kind !== FILE_PROGRAM || file.number !== NO_NUMBER) continue;
    place.enterKey(file.byProgram ? "programs" : "identities");
    place.enterItem(file.entry);
    place.enterKey("file_rights");
    place.enterItem(file.right);
    place.enterKey("file_name");
    reader.failAt(POLICY_E_UNKNOWN_FILE, file.offset);
    return;
  }
  if (policy.runtimeHashLinux.length === 0 && policy.runtimeHashMcu.length === 0) {
    reader.failAt(POLICY_E_NO_RUNTIME_HASH, 0);
    return;
  }
  // Counting slows compiled programs down: only a policy that says so has it done.
  if (policy.executionStrategy === STRATEGY_JIT && fuelOffset === 0) policy.fuel = 0;
}
