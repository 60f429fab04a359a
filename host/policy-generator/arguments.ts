import { createHash } from "node:crypto";
import { InvalidArgumentError } from "commander";
import { type ComponentVersion, isVersion } from "../psa-attestation/versions.js";
import type { FileRights, PolicyDate, Rights } from "../veracruz-utils/policy.js";

/** One entry of the policy as the command line gives it: an option, and the capabilities after it. */
export interface Entry {
  kind: "certificate" | "binary";
  /** The certificate's file, or `name=path` of the program. */
  value: string;
  /** Undefined until a `--capability` follows. */
  rights: FileRights[] | undefined;
}

/**
 * Collects `--certificate`, `--binary` and `--capability` in the order of the command line, since a
 * capability belongs to the certificate or binary before it.
 */
export class EntryCollector {
  readonly entries: Entry[] = [];

  add(kind: Entry["kind"], value: string): void {
    this.entries.push({ kind, value, rights: undefined });
  }

  addCapability(text: string): void {
    const entry = this.entries.at(-1);
    if (entry === undefined) {
      throw new InvalidArgumentError(
        "it must follow the --certificate or --binary that it belongs to",
      );
    }
    const rights = entry.rights ?? [];
    entry.rights = rights;
    for (const right of parseCapability(text)) {
      if (rights.some(({ file_name }) => file_name === right.file_name)) {
        throw new InvalidArgumentError(`rights on ${right.file_name} are given twice`);
      }
      rights.push(right);
    }
  }
}

/**
 * Rights written as `file:rights,file:rights`, as in `input-0:w,output:r`; none for an empty text.
 *
 * @throws InvalidArgumentError
 */
export function parseCapability(text: string): FileRights[] {
  const known: Record<string, Rights> = { r: "r", w: "w", rw: "rw", wr: "rw" };
  if (text.trim() === "") return [];
  return text.split(",").map((part) => {
    const [, name, letters] = /^\s*([^:]+):([a-z]+)\s*$/.exec(part) ?? [];
    const rights = known[letters ?? ""];
    if (name === undefined || rights === undefined) {
      throw new InvalidArgumentError(
        `${JSON.stringify(part)} is not FILE:RIGHTS with rights r, w or rw, as in input-0:w,output:r`,
      );
    }
    return { file_name: name, rights };
  });
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Zones that RFC 2822 §4.3 names, in minutes east of UTC. */
const zones: Record<string, number> = {
  UT: 0,
  UTC: 0,
  GMT: 0,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};

/**
 * A date as in RFC 2822 §3.3, to the minute and in UTC.
 *
 * @throws InvalidArgumentError, also for days that do not exist and for a weekday that is another one
 */
export function parseRfc2822Date(text: string): PolicyDate {
  const pattern =
    /^(?:(?<weekday>[A-Za-z]{3}),\s*)?(?<day>\d{1,2})\s+(?<month>[A-Za-z]{3})\s+(?<year>\d{4})\s+(?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2}))?\s+(?<zone>[+-]\d{4}|[A-Z]{2,3})$/;
  const groups = pattern.exec(text.trim())?.groups;
  const bad = (why: string) =>
    new InvalidArgumentError(
      `${why}; expected a date such as 2027-12-31T23:59:00Z (RFC 3339), "Fri, 31 Dec 2027 23:59:00 +0000" (RFC 2822) or +12h`,
    );
  if (groups === undefined) throw bad("not understood");
  const whole = (name: string) => Number(groups[name] ?? "0");
  const month = months.indexOf((groups.month ?? "").toLowerCase());
  if (month < 0) throw bad(`there is no month ${groups.month}`);
  const [day, hour, minute, second] = ["day", "hour", "minute", "second"].map(whole);
  if (day === undefined || hour === undefined || minute === undefined || second === undefined) {
    throw bad("not understood");
  }
  if (hour > 23 || minute > 59 || second > 60) throw bad("there is no such time of day");
  const local = new Date(Date.UTC(whole("year"), month, day, hour, minute));
  if (local.getUTCMonth() !== month || local.getUTCDate() !== day) throw bad("no such day");
  if (groups.weekday !== undefined) {
    const weekday = local.toUTCString().slice(0, 3);
    if (weekday.toLowerCase() !== groups.weekday.toLowerCase()) {
      throw bad(`that day is a ${weekday}`);
    }
  }
  const zone = groups.zone ?? "";
  const named = zones[zone];
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? [];
  if (named === undefined && (sign === undefined || Number(minutes) > 59)) {
    throw bad(`there is no time zone ${zone}`);
  }
  const east = named ?? (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  return toMinute(new Date(local.getTime() - east * 60_000));
}

/**
 * When a policy ends, to the minute and in UTC: a date of RFC 3339 (`2027-12-31T23:59:00Z`) or RFC 2822, or a
 * time from now in minutes, hours or days (`+90m`, `+12h`, `+30d`).
 *
 * @throws InvalidArgumentError
 */
export function parseExpiry(text: string, now = new Date()): PolicyDate {
  const [, count, unit] = /^\+(\d{1,6})([mhd])$/.exec(text.trim()) ?? [];
  if (count !== undefined) {
    const minutes = { m: 1, h: 60, d: 24 * 60 }[unit as "m" | "h" | "d"];
    return toMinute(new Date(now.getTime() + Number(count) * minutes * 60_000));
  }
  return /^\d{4}-/.test(text.trim()) ? parseRfc3339Date(text.trim()) : parseRfc2822Date(text);
}

/** A date of RFC 3339 §5.6. @throws InvalidArgumentError, also for days that do not exist */
function parseRfc3339Date(text: string): PolicyDate {
  const pattern =
    /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
  const match = pattern.exec(text);
  const bad = (why: string) =>
    new InvalidArgumentError(`${why}; expected a date such as 2027-12-31T23:59:00Z (RFC 3339)`);
  if (match === null) throw bad("not understood");
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [eastHours, eastMinutes] = [Number(match[8] ?? 0), Number(match[9] ?? 0)];
  if (hour > 23 || minute > 59 || second > 60 || eastHours > 23 || eastMinutes > 59)
    throw bad("there is no such time of day");
  const local = new Date(Date.UTC(year, month - 1, day, hour, minute));
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) throw bad("no such day");
  const east = (match[7] === "-" ? -1 : 1) * (eastHours * 60 + eastMinutes);
  return toMinute(new Date(local.getTime() - east * 60_000));
}

/** A time as a policy has it. */
function toMinute(utc: Date): PolicyDate {
  return {
    year: utc.getUTCFullYear(),
    month: utc.getUTCMonth() + 1,
    day: utc.getUTCDate(),
    hour: utc.getUTCHours(),
    minute: utc.getUTCMinutes(),
  };
}

/**
 * SHA-256 of a trusted runtime on a computer, from the module itself.
 *
 * @throws InvalidArgumentError
 */
export function measureRuntime(content: Uint8Array): string {
  if (!Buffer.from("\0asm").equals(content.subarray(0, 4))) {
    throw new InvalidArgumentError(
      "this is no WebAssembly module; of firmware, give the hash that its build wrote: --runtime-hash-file mcu=FILE",
    );
  }
  return createHash("sha256").update(content).digest("hex");
}

/** `host:port` as policies have it: a name, an IPv4 address, or an IPv6 address in brackets. @throws InvalidArgumentError */
export function parsePolicyAddress(text: string): string {
  const [, port] = /^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):([1-9]\d{0,4})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError("expected host:port, as in 127.0.0.1:3017");
  }
  return text;
}

/**
 * Hashes of trusted runtimes in a file that a build wrote: lines `KIND HASH`, or, where the command
 * line says the kind, what `sha256sum` prints.
 *
 * @throws InvalidArgumentError
 */
export function parseRuntimeHashes(
  content: string,
  kind: string | undefined,
): { linux?: string; mcu?: string } {
  const hashes: Record<string, string> = {};
  for (const line of content.split(/\r?\n/).filter((text) => text.trim() !== "")) {
    const match = /^\s*(?:(linux|mcu)\s+)?([0-9a-fA-F]{64})(?:\s.*)?$/.exec(line);
    const of = match?.[1] ?? kind;
    if (match?.[2] === undefined) {
      throw new InvalidArgumentError("expected lines of 64 hexadecimal digits (SHA-256)");
    }
    if (of === undefined) {
      throw new InvalidArgumentError(
        "the file does not say which kind of isolate the hash is for: write linux=FILE or mcu=FILE",
      );
    }
    if (kind !== undefined && of !== kind) {
      throw new InvalidArgumentError(`the file's hash is for ${of}, not for ${kind}`);
    }
    if (hashes[of] !== undefined) throw new InvalidArgumentError(`two hashes for ${of}`);
    hashes[of] = match[2].toLowerCase();
  }
  if (Object.keys(hashes).length === 0) throw new InvalidArgumentError("the file is empty");
  return hashes;
}

/** 16 bytes in hexadecimal. @throws InvalidArgumentError */
export function parseComputationId(text: string): string {
  if (!/^[0-9a-fA-F]{32}$/.test(text)) {
    throw new InvalidArgumentError("expected 32 hexadecimal digits");
  }
  return text.toLowerCase();
}

/** Adds a device's instance ID. @throws InvalidArgumentError */
export function collectInstanceId(text: string, list: string[]): string[] {
  if (!/^01[0-9a-fA-F]{64}$/.test(text)) {
    throw new InvalidArgumentError(
      "expected the 66 hexadecimal digits of an instance ID, the first two 01",
    );
  }
  if (list.includes(text.toLowerCase()))
    throw new InvalidArgumentError("the device is given twice");
  return [...list, text.toLowerCase()];
}

/** Adds a least version, `component=version`. @throws InvalidArgumentError */
export function collectMinimumVersion(text: string, list: ComponentVersion[]): ComponentVersion[] {
  const [, component, version] = /^([A-Za-z0-9._-]{1,16})=(.+)$/.exec(text) ?? [];
  if (component === undefined || version === undefined || !isVersion(version)) {
    throw new InvalidArgumentError("expected COMPONENT=VERSION, as in ARoT=1.2.0");
  }
  if (list.some((other) => other.component === component)) {
    throw new InvalidArgumentError(`two versions for ${component}`);
  }
  return [...list, { component, version }];
}
