// What functions of the client's library take of the stack, with all that they call: from the frames and the call graph
// that GCC writes (-fcallgraph-info=su).
import { readFileSync } from "node:fs";

/** How often a function that calls itself is taken to do so: writers in writers (assembly/common) are the only ones. */
const DEPTH_OF_RECURSION = 8;

/** Frames and calls of some translation units. */
export class CallGraph {
  /** By name: bytes of the frame. */
  readonly frames = new Map<string, number>();
  private readonly calls = new Map<string, Set<string>>();
  private readonly found = new Map<string, number>();

  constructor(files: readonly string[]) {
    for (const file of files)
      for (const line of readFileSync(file, "utf8").split("\n")) {
        const [, name, bytes] =
          /^node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \((?:static|dynamic,bounded)\)/.exec(
            line,
          ) ?? [];
        if (name !== undefined) this.frames.set(name, Number(bytes));
        else if (/^node: .* bytes \(/.test(line)) throw new Error(`a frame without bound: ${line}`);
        const [, from, to] =
          /^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/.exec(line) ?? [];
        if (from !== undefined && to !== undefined) this.addCall(from, to);
      }
  }

  /** Adds a call that goes through a pointer. */
  addCall(from: string, to: string): void {
    this.calls.set(from, (this.calls.get(from) ?? new Set()).add(to));
  }

  /** The name of a function that only its file sees, or of one that all see. */
  nameOf(name: string): string {
    const found = [...this.frames.keys()].filter(
      (each) => each === name || each.endsWith(`.c:${name}`),
    );
    if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} of ${name}`);
    return found[0];
  }

  callees(name: string): ReadonlySet<string> {
    return this.calls.get(name) ?? new Set();
  }

  /** The most bytes that a call takes; functions that are not in the graph (of the C library, of seams) are left out. */
  most(name: string, above: readonly string[] = []): number {
    const known = this.found.get(name);
    if (known !== undefined) return known;
    const frame = this.frames.get(name) ?? 0;
    let rest = 0;
    let repeated = frame;
    for (const callee of this.callees(name))
      if (callee === name) repeated = frame * DEPTH_OF_RECURSION;
      else if (above.includes(callee))
        throw new Error(`functions call each other: ${callee}, ${name}`);
      else rest = Math.max(rest, this.most(callee, [...above, name]));
    this.found.set(name, repeated + rest);
    return repeated + rest;
  }
}

/** The call graph of the library with its compiled module: `files` of its sources, `clientModule` the text of client-module.c. */
export function libraryGraph(files: readonly string[], clientModule: string): CallGraph {
  const graph = new CallGraph(files);
  // An export is called by module_call, which gets the function that calls it.
  const through = graph.frames.get("vc_module_call") ?? Number.NaN;
  let exports = 0;
  for (const [, name = "", body = ""] of clientModule.matchAll(
    /^bool (client_\w+)\([^)]*\) \{\n {2}return module_call\((\w+),/gm,
  )) {
    const step = `${name} through module_call`;
    graph.frames.set(step, through);
    graph.addCall(`vc_${name}`, step);
    graph.addCall(step, graph.nameOf(body));
    exports++;
  }
  if (exports < 40) throw new Error(`${exports} exports`);
  for (const take of ["take_result", "take_state", "take_missing", "take_receipt"])
    graph.addCall("vc_step", graph.nameOf(take));
  return graph;
}

/** What a header says of its functions: by the functions' names, those of one comment together. */
export function stackOfHeader(header: string): { names: string[]; bytes: number | undefined }[] {
  const found: { names: string[]; bytes: number | undefined }[] = [];
  for (const block of header.split(/\n\s*\n/)) {
    const code = block.replace(/^\s*\/\/.*$/gm, "");
    const names = [...code.matchAll(/^(?:[a-z][\w ]*[ *])(vc_\w+)\(/gm)].map(
      ([, name = ""]) => name,
    );
    if (names.length === 0) continue;
    const [, bytes] = /\/\/\/ Stack: ([\d,]+) bytes/.exec(block) ?? [];
    found.push({ names, bytes: bytes === undefined ? undefined : Number(bytes.replace(",", "")) });
  }
  return found;
}
