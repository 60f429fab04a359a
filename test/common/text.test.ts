// Text of files: one meaning of bytes, and a sentence for what is none.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CliError, readUserText } from "../../host/common/cli.js";
import { projectRoot } from "../../host/common/paths.js";
import { readSecretFile } from "../../host/common/secret-files.js";
import { decodeUtf8, displayUtf8 } from "../../host/common/text.js";

const folder = mkdtempSync(join(tmpdir(), "text-"));
test.after(() => rmSync(folder, { recursive: true }));

const file = (content: Uint8Array | string): string => {
  const path = join(folder, "file");
  writeFileSync(path, content);
  chmodSync(path, 0o600);
  return path;
};

test("UTF-8 stands for itself: no mark is dropped, nothing is normalised", () => {
  const texts = ["\ufeffmain", "main", "\u00e9", "e\u0301", "\u212b", "\u00c5", "a\ufeffb", ""];
  for (const text of texts) {
    assert.is(decodeUtf8(Buffer.from(text)), text);
    assert.is(displayUtf8(Buffer.from(text)), text);
  }
});

test("what is not UTF-8 is an error, or shown as U+FFFD to people", () => {
  for (const bytes of [
    [0x80],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xc3],
  ]) {
    assert.throws(() => decodeUtf8(Uint8Array.from(bytes)), TypeError);
    assert.match(displayUtf8(Uint8Array.from(bytes)), /^\ufffd+$/);
  }
});

for (const [name, read] of [
  ["a text file of a user", readUserText],
  ["a file with a key", readSecretFile],
] as const) {
  test(`${name} with a byte order mark, or in another encoding, is refused in one sentence`, () => {
    assert.is(read(file("-----BEGIN\n"), "key"), "-----BEGIN\n");
    for (const [content, problem] of [
      ["\ufeff-----BEGIN\n", /^the key ".*file" begins with a byte order mark .*without one$/],
      [Buffer.from("\ufeffPEM", "utf16le"), /^the key ".*file" is not UTF-8 text$/],
    ] as const) {
      assert.throws(
        () => read(file(content), "key"),
        (error: unknown) => error instanceof CliError && problem.test(error.message),
      );
    }
  });
}

test("no other host code decodes text in a way that drops a byte order mark", () => {
  const found: string[] = [];
  for (const path of readdirSync(join(projectRoot, "host"), {
    recursive: true,
    encoding: "utf8",
  })) {
    if (!path.endsWith(".ts") || path === "common/text.ts") continue;
    const lines = readFileSync(join(projectRoot, "host", path), "utf8").split("\n");
    for (const [i, line] of lines.entries()) {
      // A decoder without `ignoreBOM`; and a web page's readers of files and answers, which drop the mark and replace
      // what is malformed.
      const decodes = /new TextDecoder\((?!"utf-8", \{ fatal: true, ignoreBOM: true \})/.test(line);
      const reads = /\b(?:file|blob|answer|response)\.(?:text|json)\(\)|readAsText/i.test(line);
      if (decodes || reads) found.push(`host/${path}:${i + 1}: ${line.trim()}`);
    }
  }
  assert.equal(found, []);
});

test.run();
