// The SDK for C: the examples' C programs against those in AssemblyScript, the allocator, and the guide.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import { skip } from "../support/shared.js";
import { canCompileC, compileC } from "./c-compiler.js";
import { comparePrograms, exerciseAllocator, translatedExamples } from "./translations.js";

const folder = mkdtempSync(join(tmpdir(), "veracruz-c-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const examples = translatedExamples("program.c");

if (!canCompileC) {
  skip(examples.length + 1, "clang or wasm-ld is missing (Debian packages clang and lld)");
} else {
  for (const name of examples)
    test(`${name} in C does what it does in AssemblyScript, for no more size and fuel`, () => {
      const file = `examples/no_std/${name}/program.c`;
      comparePrograms(name, compileC(join(folder, `${name}.wasm`), [file]));
    });

  test("malloc and free keep blocks apart, merge what was given back, and answer NULL at the end", () => {
    const program = compileC(join(folder, "allocator.wasm"), ["test/sdk/fixtures/allocator.c"]);
    exerciseAllocator(program, 20);
  });
}

test.run();
