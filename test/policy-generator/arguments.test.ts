import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  EntryCollector,
  parseCapability,
  parseRfc2822Date,
  parseRuntimeHashes,
} from "../../host/policy-generator/arguments.js";

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

test("capabilities", () => {
  assert.equal(parseCapability("input-0:w,output:r"), [
    { file_name: "input-0", rights: "w" },
    { file_name: "output", rights: "r" },
  ]);
  assert.equal(parseCapability(" a/b.wasm:wr , x:rw "), [
    { file_name: "a/b.wasm", rights: "rw" },
    { file_name: "x", rights: "rw" },
  ]);
  assert.equal(parseCapability(""), []);
  for (const text of ["input-0", "input-0:", ":r", "a:x", "a:r,", "a:r;b:w", "a:rr", "a:r:w"]) {
    assert.match(
      failure(() => parseCapability(text)),
      /is not FILE:RIGHTS/,
      text,
    );
  }
});

test("a capability belongs to the entry before it", () => {
  const collector = new EntryCollector();
  assert.match(
    failure(() => collector.addCapability("a:r")),
    /must follow the --certificate or --binary/,
  );
  collector.add("certificate", "alice");
  collector.addCapability("a:r");
  collector.addCapability("b:w");
  collector.add("binary", "p=q");
  collector.add("certificate", "bob");
  collector.addCapability("");
  assert.equal(
    collector.entries.map(({ value, rights }) => [value, rights?.length]),
    [
      ["alice", 2],
      ["p=q", undefined],
      ["bob", 0],
    ],
  );
  collector.addCapability("a:r");
  assert.match(
    failure(() => collector.addCapability("a:w")),
    /rights on a are given twice/,
  );
});

test("dates of RFC 2822", () => {
  const expected = { year: 2027, month: 12, day: 31, hour: 23, minute: 59 };
  for (const text of [
    "Fri, 31 Dec 2027 23:59:00 +0000",
    "31 Dec 2027 23:59 GMT",
    "fri, 31 dec 2027 23:59:59 -0000",
    "Sat, 1 Jan 2028 01:59:00 +0200",
    "31 Dec 2027 18:59:00 EST",
    "31 Dec 2027 19:29:00 -0430",
  ]) {
    assert.equal(parseRfc2822Date(text), expected, text);
  }
  assert.equal(parseRfc2822Date("29 Feb 2028 00:00 UT").day, 29);
  const bad: [string, RegExp][] = [
    ["2027-12-31", /not understood/],
    ["tomorrow", /not understood/],
    ["31 Dec 27 23:59:00 +0000", /not understood/],
    ["31 Dec 2027", /not understood/],
    ["Mon, 31 Dec 2027 23:59:00 +0000", /that day is a Fri/],
    ["31 Dez 2027 23:59:00 +0000", /no month Dez/],
    ["29 Feb 2027 00:00:00 +0000", /no such day/],
    ["0 Jan 2027 00:00:00 +0000", /no such day/],
    ["31 Dec 2027 24:00:00 +0000", /no such time of day/],
    ["31 Dec 2027 23:60:00 +0000", /no such time of day/],
    ["31 Dec 2027 23:59:00 +0060", /no time zone/],
    ["31 Dec 2027 23:59:00 XYZ", /no time zone XYZ/],
  ];
  for (const [text, pattern] of bad) {
    const message = failure(() => parseRfc2822Date(text));
    assert.match(message, pattern, text);
    assert.match(message, /RFC 2822/, text);
  }
});

test("runtime hash files", () => {
  const a = "ab".repeat(32);
  const b = "cd".repeat(32);
  assert.equal(parseRuntimeHashes(`${a}  runtime.wasm\n`, "linux"), { linux: a });
  assert.equal(parseRuntimeHashes(`${a.toUpperCase()}\n`, "mcu"), { mcu: a });
  assert.equal(parseRuntimeHashes(`linux ${a}\r\nmcu ${b} firmware.bin\r\n`, undefined), {
    linux: a,
    mcu: b,
  });
  const bad: [string, string | undefined, RegExp][] = [
    ["", "linux", /empty/],
    ["xyz", "linux", /64 hexadecimal digits/],
    [`${a}00`, "linux", /64 hexadecimal digits/],
    [`sgx ${a}`, undefined, /64 hexadecimal digits/],
    [a, undefined, /linux=FILE or mcu=FILE/],
    [`mcu ${a}`, "linux", /for mcu, not for linux/],
    [`${a}\n${b}`, "linux", /two hashes for linux/],
  ];
  for (const [content, kind, pattern] of bad) {
    assert.match(
      failure(() => parseRuntimeHashes(content, kind)),
      pattern,
      content,
    );
  }
});

test.run();
