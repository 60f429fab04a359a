// What scripts use of AssemblyScript's compiler. Its own declarations declare AssemblyScript's globals, a `console`
// without `error` among them, which is not Node.js's.
declare const asc: {
  createMemoryStream(): { write(chunk: string): void; toString(): string };
  main(
    args: readonly string[],
    options: {
      stdout?: object;
      stderr?: object;
      readFile?: (name: string, baseDir: string) => string | null;
      writeFile?: (name: string, contents: Uint8Array | string, baseDir: string) => void;
    },
  ): Promise<{ error: Error | null }>;
};
export default asc;
