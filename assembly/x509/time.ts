import { DerReader, TAG_GENERALIZED_TIME, TAG_UTC_TIME } from "../asn1/der-reader";

/** What `readTime` answers for anything that is not a time. */
export const NO_TIME: i64 = i64.MIN_VALUE;

/** The two digits at `at` as a number, or -1000 when they are not digits. */
function twoDigits(at: usize): i32 {
  const tens = (load<u8>(at) as i32) - 0x30;
  const ones = (load<u8>(at, 1) as i32) - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) return -1000;
  return tens * 10 + ones;
}

function daysInMonth(year: i32, month: i32): i32 {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March. */
function daysFromEpoch(year: i32, month: i32, day: i32): i32 {
  const y = month <= 2 ? year - 1 : year;
  const monthFromMarch = month <= 2 ? month + 9 : month - 3;
  const leapDays = y / 4 - y / 100 + y / 400;
  const dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1;
  return y * 365 + leapDays + dayOfYear - 719468;
}

/**
 * Reads a time as certificates hold it (RFC 5280 §4.1.2.5): `YYMMDDHHMMSSZ` as UTCTime, years 1950 to
 * 2049, or `YYYYMMDDHHMMSSZ` as GeneralizedTime; both with seconds and in UTC.
 *
 * Returns seconds since 1970-01-01T00:00:00Z, or `NO_TIME`.
 */
export function readTime(reader: DerReader): i64 {
  if (!reader.next()) return NO_TIME;
  let at = reader.content;
  let year: i32;
  if (reader.tag === TAG_UTC_TIME && reader.length === 13) {
    year = twoDigits(at);
    if (year < 0) return NO_TIME;
    year += year >= 50 ? 1900 : 2000;
    at += 2;
  } else if (reader.tag === TAG_GENERALIZED_TIME && reader.length === 15) {
    const century = twoDigits(at);
    const yearOfCentury = twoDigits(at + 2);
    if (century < 0 || yearOfCentury < 0) return NO_TIME;
    year = century * 100 + yearOfCentury;
    at += 4;
  } else {
    return NO_TIME;
  }
  const month = twoDigits(at);
  const day = twoDigits(at + 2);
  const hour = twoDigits(at + 4);
  const minute = twoDigits(at + 6);
  const second = twoDigits(at + 8);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return NO_TIME;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return NO_TIME;
  if (load<u8>(at, 10) !== 0x5a) return NO_TIME;
  const seconds = (hour * 60 + minute) * 60 + second;
  return (daysFromEpoch(year, month, day) as i64) * 86400 + seconds;
}
