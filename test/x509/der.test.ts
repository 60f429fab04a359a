// Strict DER (X.690): what it allows, and each thing it forbids.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { X509Module } from "./support/module.js";

const module = new X509Module();
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** A table: what, bytes in hexadecimal, the answer. */
function table(name: string, call: string, rows: [string, string, number][]): void {
  for (const [what, bytes, expected] of rows)
    test(`${name}: ${what}`, () => assert.is(module.call(call, hex(bytes)), expected));
}

table("elements", "walk", [
  ["none", "", 0],
  ["one", "05 00", 1],
  ["two, one in the other", "30 02 05 00", 2],
  ["a length of 127 bytes in one byte", `04 7f ${"00".repeat(127)}`, 1],
  ["a length of 128 bytes in two", `04 81 80 ${"00".repeat(128)}`, 1],
  ["a length of 256 bytes in three", `04 82 01 00 ${"00".repeat(256)}`, 1],
  ["a tag alone", "04", -1],
  ["content cut short", "04 02 00", -1],
  ["a length cut short", "04 82 01", -1],
  ["an indefinite length", "30 80 05 00 00 00", -1],
  ["127 bytes with two bytes of length", `04 81 7f ${"00".repeat(127)}`, -1],
  ["128 bytes with three bytes of length", `04 82 00 80 ${"00".repeat(128)}`, -1],
  ["256 bytes with four bytes of length", `04 83 00 01 00 ${"00".repeat(256)}`, -1],
  ["four bytes of length", "04 84 00 00 00 01 00", -1],
  ["a length of FF", "04 ff 00", -1],
  ["the largest length", "04 83 ff ff ff 00", -1],
  ["a tag number above 30", "1f 21 00", -1],
  ["a tag number above 30, constructed", "bf 21 00", -1],
  ["tag 0, the end of contents", "00 00", -1],
  ["bad DER deep inside", "30 04 30 02 04 01", -1],
]);

table("INTEGER", "isInteger", [
  ["0", "02 01 00", 1],
  ["127", "02 01 7f", 1],
  ["128", "02 02 00 80", 1],
  ["-1", "02 01 ff", 1],
  ["-129", "02 02 ff 7f", 1],
  ["empty", "02 00", 0],
  ["0 in two bytes", "02 02 00 00", 0],
  ["127 in two bytes", "02 02 00 7f", 0],
  ["-1 in two bytes", "02 02 ff ff", 0],
  ["another tag", "0a 01 00", 0],
]);

table("INTEGER from 0 to 127", "smallInteger", [
  ["0", "02 01 00", 0],
  ["127", "02 01 7f", 127],
  ["-1", "02 01 ff", -1],
  ["128", "02 02 00 80", -1],
  ["no integer", "01 01 00", -1],
]);

table("BOOLEAN", "boolean", [
  ["TRUE", "01 01 ff", 1],
  ["FALSE", "01 01 00", 0],
  ["01", "01 01 01", -1],
  ["empty", "01 00", -1],
  ["two bytes", "01 02 ff ff", -1],
]);

table("OBJECT IDENTIFIER", "isObjectIdentifier", [
  ["2.5.4.3", "06 03 55 04 03", 1],
  ["a component of several bytes", "06 06 2a 86 48 86 f7 0d", 1],
  ["empty", "06 00", 0],
  ["a component with a needless 80", "06 03 55 80 03", 0],
  ["the first component with a needless 80", "06 02 80 01", 0],
  ["the last component cut short", "06 02 55 84", 0],
]);

table("BIT STRING of bytes", "octetBitString", [
  ["none", "03 01 00", 0],
  ["two", "03 03 00 12 34", 2],
  ["unused bits", "03 02 01 80", -1],
  ["no count of unused bits", "03 00", -1],
  ["another tag", "04 02 00 12", -1],
]);

table("BIT STRING of named bits", "namedBits", [
  ["bit 0", "03 02 07 80", 1],
  ["bits 5 and 6", "03 02 01 06", 0b1100000],
  ["bit 8", "03 03 07 00 80", 256],
  ["none", "03 01 00", 0],
  ["a trailing zero bit", "03 02 06 80", -1],
  ["a trailing zero byte", "03 03 07 80 00", -1],
  ["an unused bit that is set", "03 02 07 81", -1],
  ["8 unused bits", "03 02 08 80", -1],
  ["unused bits of nothing", "03 01 03", -1],
  ["more than 32 bits", "03 06 07 00 00 00 00 80", -1],
  ["no count of unused bits", "03 00", -1],
]);

table("constructed elements", "entersAndLeaves", [
  ["read whole", "30 02 05 00", 1],
  ["something left unread", "30 04 05 00 05 00", 0],
  ["an element that reaches out of it", "30 02 04 02 00 00", 0],
  ["another tag", "31 02 05 00", 0],
  ["something behind it", "30 02 05 00 05 00", 0],
]);

const timeDer = (tag: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([tag, text.length]), Buffer.from(text)]);
const UTC = 0x17;
const GENERALIZED = 0x18;

test("time: the same as the calendar's, day by day", () => {
  for (let day = -7305; day < 47482; day += 1) {
    const seconds = day * 86400 + (Math.abs(day * 7919) % 86400);
    const digits = `${new Date(seconds * 1000).toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
    assert.is(module.call("time", timeDer(GENERALIZED, digits)), seconds, digits);
    if (digits >= "1950" && digits < "2050")
      assert.is(module.call("time", timeDer(UTC, digits.slice(2))), seconds, digits);
  }
});

test("time: the far ends", () => {
  for (const digits of ["00010101000000Z", "15821015000000Z", "99991231235959Z"]) {
    const iso = digits.replace(/(....)(..)(..)(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z");
    assert.is(module.call("time", timeDer(GENERALIZED, digits)), Date.parse(iso) / 1000, digits);
  }
});

for (const [what, tag, text] of [
  ["no seconds", UTC, "2601010000Z"],
  ["an offset", UTC, "260101000000+0000"],
  ["no Z", UTC, "2601010000000"],
  ["month 0", UTC, "260001000000Z"],
  ["month 13", UTC, "261301000000Z"],
  ["day 0", UTC, "260100000000Z"],
  ["31 April", UTC, "260431000000Z"],
  ["29 February 2025", UTC, "250229000000Z"],
  ["29 February 2100", GENERALIZED, "21000229000000Z"],
  ["hour 24", UTC, "260101240000Z"],
  ["minute 60", UTC, "260101006000Z"],
  ["second 60", UTC, "260101000060Z"],
  ["a sign", UTC, "26010100-100Z"],
  ["a letter in each place", UTC, "2601010000O0Z"],
  ["fractions", GENERALIZED, "20260101000000.5Z"],
  ["a UTCTime's digits as GeneralizedTime", GENERALIZED, "260101000000Z"],
  ["a GeneralizedTime's digits as UTCTime", UTC, "20260101000000Z"],
  ["another tag", 0x04, "260101000000Z"],
] as const)
  test(`time: ${what} is refused`, () =>
    assert.ok(Number.isNaN(module.call("time", timeDer(tag, text)))));

test("time: leap years by rule", () => {
  for (const [year, leap] of [
    [2000, true],
    [1900, false],
    [2024, true],
    [2400, true],
    [2200, false],
  ] as const)
    assert.is(!Number.isNaN(module.call("time", timeDer(GENERALIZED, `${year}0229000000Z`))), leap);
});

test.run();
