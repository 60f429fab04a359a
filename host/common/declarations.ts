/** Reads the declarations and constants of AssemblyScript files of which other languages need a copy. */

/** A declared function: names, and AssemblyScript types. */
export interface Declaration {
  name: string;
  parameters: { name: string; type: string }[];
  result: string;
  /** The comment above it, as one line; empty if there is none. */
  doc: string;
}

/** The functions that a file of `export declare function`s declares. */
export function readDeclarations(text: string): Declaration[] {
  const declaration =
    /(?:^\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^export declare function (\w+)\(([^)]*)\): (\w+);$/gm;
  const found = [...text.matchAll(declaration)].map(
    ([, comment = "", name = "", list = "", result = ""]) => ({
      name,
      result,
      doc: comment.replace(/\s*\n \* ?/g, " ").trim(),
      parameters: list
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .map((part) => {
          const [parameter = "", type = ""] = part.split(/:\s*/);
          return { name: parameter, type };
        }),
    }),
  );
  const announced = text.match(/^export declare function /gm)?.length ?? 0;
  if (found.length !== announced) throw new Error("a declaration cannot be read");
  return found;
}

/** A number that a file exports. */
export interface NumberConstant {
  name: string;
  /** As written, in decimal or hexadecimal. */
  value: string;
  /** The comment of one line above it; empty if there is none. */
  doc: string;
}

/** The numbers that a file exports as constants. */
export function readConstants(text: string): NumberConstant[] {
  const constant =
    /^(?:\/\*\* ([^\n]*) \*\/\n)?export const (\w+): [iu](?:32|8) = (-?\d+|0x[\da-f]+);$/gm;
  return [...text.matchAll(constant)].map(([, doc = "", name = "", value = ""]) => ({
    name,
    value,
    doc,
  }));
}
