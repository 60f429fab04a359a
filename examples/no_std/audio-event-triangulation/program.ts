// Where was the clap? Three devices have heard it, each at its own time; from the differences of the
// times follows the place.
//
// Inputs: three recordings (see recording.ts), of one sample rate. Result: (f64, f64), x and y in metres.
// DataSourceCount: not three inputs; BadInput: malformed, too short or silent, different rates, or
// microphones on one line; InvariantFailed: no place fits the times. Where two places fit, which far off
// the triangle of the microphones can be, the result is the one nearer to their middle.
import { encodeOutput, fail, inputCount, Pair, ReturnCode } from "../../../assembly/sdk";
import { Recording } from "./recording";

/** In dry air of 20 °C, metres per second. */
const SPEED_OF_SOUND: f64 = 343;
/** A clap begins where the power of two milliseconds first reaches this share of the loudest two. */
const ONSET_SHARE: f64 = 0.25;

/** Samples of two milliseconds: the width of the window in which power is taken. */
function windowOf(recording: Recording): i32 {
  return (recording.rate / 500) as i32;
}

/** The sample at which the clap begins, to about a window; -1 when there is none. */
function findOnset(recording: Recording): i32 {
  const width = windowOf(recording);
  const last = recording.length - width;
  if (last < 0) return -1;
  let power = recording.energy(0, width);
  let most = power;
  // Sums of squares of 16-bit samples are whole numbers below 2^53: nothing is lost on the way.
  for (let i = 0; i < last; i++) {
    power += square(recording.at(i + width)) - square(recording.at(i));
    most = max(most, power);
  }
  if (most === 0) return -1;
  power = recording.energy(0, width);
  let i = 0;
  for (; power < ONSET_SHARE * most; i++) {
    power += square(recording.at(i + width)) - square(recording.at(i));
  }
  return i;
}

function square(sample: i32): f64 {
  return (sample as f64) * (sample as f64);
}

/** How well `other` from `at` on fits the part of `first` from `from` to `to`. */
function correlation(first: Recording, from: i32, to: i32, other: Recording, at: i32): f64 {
  let sum: f64 = 0;
  for (let i = from; i < to; i++) {
    const j = at + i - from;
    if (j >= 0 && j < other.length) sum += (first.at(i) as f64) * (other.at(j) as f64);
  }
  return sum;
}

/** How much later than in `first` the clap is heard in `other`, in seconds. */
function delay(first: Recording, onset: i32, other: Recording, otherOnset: i32): f64 {
  const width = windowOf(first);
  const from = max(onset - width, 0);
  const to = min(onset + 4 * width, first.length);
  const guess = otherOnset - (onset - from);
  let best = guess;
  let most: f64 = -Infinity;
  for (let at = guess - 2 * width; at <= guess + 2 * width; at++) {
    const fit = correlation(first, from, to, other, at);
    if (fit > most) {
      most = fit;
      best = at;
    }
  }
  // Between samples: the summit of the parabola through the best and its neighbours.
  const before = correlation(first, from, to, other, best - 1);
  const after = correlation(first, from, to, other, best + 1);
  const curve = before - 2 * most + after;
  const part = curve < 0 ? (0.5 * (before - after)) / curve : 0;
  const samples = ((best - from) as f64) + max(-0.5, min(0.5, part));
  return other.start - first.start + samples / (first.rate as f64);
}

/** A microphone as the first one sees it: where it is, and how much farther from the clap. */
class Farther {
  constructor(
    readonly x: f64,
    readonly y: f64,
    readonly distance: f64,
  ) {}
}

/**
 * The clap as the first microphone sees it, or null. With p the place and r its distance, each of the
 * others gives |p - m| = r + d, hence p·m = (|m|² - d²) / 2 - r d: two linear equations, p = a + b r;
 * and |p| = r is a quadratic equation for r.
 */
function locate(one: Farther, two: Farther): Pair<f64, f64> | null {
  const determinant = one.x * two.y - two.x * one.y;
  const u = 0.5 * (one.x * one.x + one.y * one.y - one.distance * one.distance);
  const v = 0.5 * (two.x * two.x + two.y * two.y - two.distance * two.distance);
  const ax = (u * two.y - v * one.y) / determinant;
  const ay = (one.x * v - two.x * u) / determinant;
  const bx = (two.distance * one.y - one.distance * two.y) / determinant;
  const by = (two.x * one.distance - one.x * two.distance) / determinant;
  const squares = bx * bx + by * by - 1;
  const half = ax * bx + ay * by;
  const rest = ax * ax + ay * ay;
  // Errors of the times may carry a place at the edge of the possible just past it.
  const root = Math.sqrt(max(half * half - squares * rest, 0));
  const middleX = (one.x + two.x) / 3;
  const middleY = (one.y + two.y) / 3;
  let found: Pair<f64, f64> | null = null;
  let nearest: f64 = Infinity;
  for (let sign = -1; sign <= 1; sign += 2) {
    // In the form that stays exact when `squares` is near 0.
    const r = rest / (-half + (sign as f64) * root);
    if (!(r >= 0 && r + one.distance >= 0 && r + two.distance >= 0) || !isFinite(r)) continue;
    const x = ax + bx * r;
    const y = ay + by * r;
    const away = (x - middleX) * (x - middleX) + (y - middleY) * (y - middleY);
    if (away < nearest) {
      nearest = away;
      found = new Pair<f64, f64>(x, y);
    }
  }
  return found;
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value !== 3) return fail(ReturnCode.DataSourceCount);
  const recordings: Recording[] = [];
  const onsets: i32[] = [];
  for (let index: u32 = 0; index < 3; index++) {
    const recording = new Recording();
    const code = recording.read(index);
    if (code !== ReturnCode.Success) return fail(code);
    const onset = findOnset(recording);
    if (onset < 0) return fail(ReturnCode.BadInput);
    recordings.push(recording);
    onsets.push(onset);
  }
  const first = recordings[0];
  const others: Farther[] = [];
  for (let i = 1; i < 3; i++) {
    const other = recordings[i];
    if (other.rate !== first.rate) return fail(ReturnCode.BadInput);
    const later = delay(first, onsets[0], other, onsets[i]);
    others.push(new Farther(other.x - first.x, other.y - first.y, SPEED_OF_SOUND * later));
  }
  const onOneLine = others[0].x * others[1].y === others[1].x * others[0].y;
  if (onOneLine) return fail(ReturnCode.BadInput);
  const place = locate(others[0], others[1]);
  if (place === null) return fail(ReturnCode.InvariantFailed);
  const x = first.x + place.first;
  const y = first.y + place.second;
  if (!isFinite(x) || !isFinite(y)) return fail(ReturnCode.InvariantFailed);
  return encodeOutput<Pair<f64, f64>>(new Pair<f64, f64>(x, y));
}
