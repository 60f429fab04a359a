/** What vc-fee tells the author of a program about a run: H-calls, prints, profile, coverage, source lines. */
import { createHash } from "node:crypto";
import { CliError, readUserText, writeUserFile } from "../common/cli.js";
import { coverage, coverageReport } from "../program-debugger/coverage.js";
import { withoutPrint } from "../program-debugger/debug-print.js";
import { ProgramDebugger, type Recording } from "../program-debugger/debugger.js";
import { flameGraph, type NameOf, speedscopeProfile } from "../program-debugger/profile.js";
import { type Place, readSourceMap, type SourceMap } from "../program-debugger/source-map.js";
import { describeCall } from "../program-debugger/trace.js";
import { functionName } from "../wasm-checker/names.js";
import { returnCodeName } from "./engine.js";

/** What an author asked for. */
export interface DevelopmentOptions {
  trace?: boolean;
  profile?: string;
  coverage?: boolean;
  sourceMap?: string;
}

/** A source of random numbers that gives the same for the same seed: SHA-256 over a counter and the seed. */
export function seededRandom(seed: string): (buffer: Uint8Array) => void {
  let counter = 0;
  return (buffer) => {
    for (let at = 0; at < buffer.length; at += 32) {
      const block = createHash("sha256").update(`${counter++}:${seed}`).digest();
      buffer.set(block.subarray(0, Math.min(32, buffer.length - at)), at);
    }
  };
}

/** A run under a debugger. */
export class Development {
  /** The program as the engine takes it. */
  readonly program: Uint8Array;
  /** Undefined where nothing asks for one: the program then runs as in an isolate. */
  readonly debugger: ProgramDebugger | undefined;
  private readonly shift: number;
  private readonly map: SourceMap | undefined;
  private readonly nameOf: NameOf;

  constructor(
    file: Uint8Array,
    private readonly options: DevelopmentOptions,
  ) {
    const { bytes, prints, shift } = withoutPrint(file);
    this.program = bytes;
    this.shift = shift;
    const { trace, profile, coverage: covered, sourceMap } = options;
    if (sourceMap !== undefined) {
      const text = readUserText(sourceMap, "source map");
      try {
        this.map = readSourceMap(text);
      } catch (error) {
        throw new CliError(
          `the source map ${JSON.stringify(sourceMap)}: ${(error as Error).message}`,
        );
      }
    }
    this.nameOf = (index) => functionName(bytes, index) ?? `function ${index}`;
    const wanted = trace || covered || profile !== undefined || sourceMap !== undefined || prints;
    if (!wanted) return;
    this.debugger = new ProgramDebugger({
      ...(trace && {
        onCall: (call) => console.error(`  ${describeCall(call, returnCodeName)}`),
      }),
      onPrint: (text) => console.error(text),
    });
  }

  /** The place in the sources of an offset in the engine's program. */
  private placeOf(offset: number): Place | undefined {
    return this.map?.placeOf(offset - this.shift);
  }

  /** Where the run trapped, as far as a source map tells. */
  trapPlace(): string | undefined {
    const recording = this.debugger?.recording;
    const offset = recording?.trapOffset;
    const place = offset === undefined ? undefined : this.placeOf(offset);
    if (recording === undefined || offset === undefined || place === undefined) return undefined;
    const start = recording.instrumented.functions.findLast((each) => each.offset <= offset);
    const own = this.map?.authorsPlaceOf(offset - this.shift, (start?.offset ?? 0) - this.shift);
    const text = `${place.source}:${place.line}`;
    return own === undefined || own.source === place.source
      ? text
      : `${text}, used near ${own.source}:${own.line}`;
  }

  /** Writes the profile, and gives the lines of the coverage report. */
  finish(program: string): string[] {
    const recording: Recording | undefined = this.debugger?.recording;
    if (recording === undefined) return [];
    const { profile, coverage: covered } = this.options;
    if (profile !== undefined) {
      const { root } = recording;
      const content = profile.endsWith(".svg")
        ? flameGraph(root, this.nameOf, program)
        : `${JSON.stringify(speedscopeProfile(root, this.nameOf, program))}\n`;
      writeUserFile(profile, "profile", content);
    }
    return covered
      ? coverageReport(coverage(recording, this.nameOf), (offset) => this.placeOf(offset))
      : [];
  }
}
