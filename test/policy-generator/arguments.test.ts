import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  EntryCollector,
  parseCapability,
  parseExpiry,
  parseRfc2822Date,
  parseRuntimeHashes,
} from "../../host/policy-generator/arguments.js";
import { failureOf } from "../support/failure.js";

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
      failureOf(() => parseCapability(text)),
      /is not FILE:RIGHTS/,
      text,
    );
  }
});

test("expiry: RFC 3339, RFC 2822, or a time from now", () => {
  const now = new Date(Date.UTC(2028, 1, 28, 20, 30, 59));
  const at = (year: number, month: number, day: number, hour: number, minute: number) => ({
    year,
    month,
    day,
    hour,
    minute,
  });
  for (const [text, date] of [
    ["+90m", at(2028, 2, 28, 22, 0)],
    ["+12h", at(2028, 2, 29, 8, 30)],
    ["+2d", at(2028, 3, 1, 20, 30)],
    ["2027-12-31T23:59:00Z", at(2027, 12, 31, 23, 59)],
    ["2027-12-31t23:59:59.5+01:30", at(2027, 12, 31, 22, 29)],
    ["2027-12-31 23:59:00-01:00", at(2028, 1, 1, 0, 59)],
    ["31 Dec 2027 23:59:00 +0000", at(2027, 12, 31, 23, 59)],
  ] as const) {
    assert.equal(parseExpiry(text, now), date, text);
  }
  for (const text of [
    ...["+12", "+h", "12h", "+-1h", "+1.5h", "+1y", "2027-12-31", "2027-12-31T23:59:00"],
    ...["2027-02-29T00:00:00Z", "2027-13-01T00:00:00Z", "2027-12-31T24:00:00Z"],
    ...["2027-12-31T23:60:00Z", "2027-12-31T23:59:00+24:00", "2027-00-10T00:00:00Z"],
  ]) {
    assert.match(
      failureOf(() => parseExpiry(text, now)),
      /expected a date such as 2027-12-31T23:59:00Z/,
      text,
    );
  }
});

test("a capability belongs to the entry before it", () => {
  const collector = new EntryCollector();
  assert.match(
    failureOf(() => collector.addCapability("a:r")),
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
    failureOf(() => collector.addCapability("a:w")),
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
    const message = failureOf(() => parseRfc2822Date(text));
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
      failureOf(() => parseRuntimeHashes(content, kind)),
      pattern,
      content,
    );
  }
});

test.run();
