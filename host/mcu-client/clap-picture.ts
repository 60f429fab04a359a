import { ClassicReader } from "../program-data/classic-encoding.js";

/** What the triangulation demo heard and found, as a picture (SVG). */

const WIDTH = 900;
const HEIGHT = 420;
const MAP = { x: 20, y: 50, size: 350 };
const WAVES = { x: 420, y: 50, width: 460, height: 350 };
const SPEED_OF_SOUND = 343;
/** Points of a wave that are drawn: more than the picture has dots. */
const POINTS = 460;

/** A device's recording: where it stood, when it began, what it heard. */
interface Recording {
  x: number;
  y: number;
  /** Seconds, on the clock of all devices. */
  start: number;
  rate: number;
  samples: Int16Array;
}

/** Offsets in the demo's WAV files: 24 bytes of `fmt `, then place and start in the chunk `vcev`, then samples. */
function readRecording(file: Uint8Array): Recording {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const count = Math.min(view.getUint32(72, true), file.byteLength - 76) >> 1;
  return {
    x: view.getFloat64(44, true),
    y: view.getFloat64(52, true),
    start: view.getFloat64(60, true),
    rate: view.getUint32(24, true),
    samples: Int16Array.from({ length: count }, (_, i) => view.getInt16(76 + 2 * i, true)),
  };
}

function readPlace(bytes: Uint8Array): readonly [number, number] {
  const reader = new ClassicReader(bytes);
  return [reader.f64(), reader.f64()];
}

const fixed = (value: number) => value.toFixed(1);

function wave(recording: Recording, begin: number, seconds: number, row: number): string {
  const height = WAVES.height / 3;
  const middle = WAVES.y + height * (row + 0.5);
  const loudest = Math.max(1, ...recording.samples.map((sample) => Math.abs(sample)));
  const step = Math.max(1, Math.floor(recording.samples.length / POINTS));
  const points: string[] = [];
  for (let i = 0; i < recording.samples.length; i += step) {
    const x = WAVES.x + (WAVES.width * (recording.start + i / recording.rate - begin)) / seconds;
    const y = middle - (0.42 * height * (recording.samples[i] as number)) / loudest;
    points.push(`${fixed(x)},${fixed(y)}`);
  }
  return `<polyline points="${points.join(" ")}"/>`;
}

/**
 * Draws the microphones, the place that the isolate found with the true one, and the recordings with the moments at
 * which the found clap must have reached them.
 *
 * @param inputs the three recordings, WAV
 * @param result the place that was found: two f64
 * @param expected the true one
 */
export function clapPicture(
  inputs: readonly Uint8Array[],
  result: Uint8Array,
  expected: Uint8Array,
): string {
  const recordings = inputs.map(readRecording);
  const [found, truth] = [readPlace(result), readPlace(expected)];
  const places = [...recordings.map(({ x, y }) => [x, y] as const), found, truth];
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const [left, bottom] = [Math.min(...xs) - 0.5, Math.min(...ys) - 0.5];
  const metres = Math.max(Math.max(...xs) - left, Math.max(...ys) - bottom) + 0.5;
  const at = ([x, y]: readonly [number, number]) =>
    [
      MAP.x + ((x - left) / metres) * MAP.size,
      MAP.y + MAP.size - ((y - bottom) / metres) * MAP.size,
    ] as const;
  const begin = Math.min(...recordings.map(({ start }) => start));
  const end = Math.max(
    ...recordings.map(({ start, rate, samples }) => start + samples.length / rate),
  );
  const distances = recordings.map(({ x, y }) => Math.hypot(x - found[0], y - found[1]));
  const [fx, fy] = at(found);
  const [tx, ty] = at(truth);
  const map = recordings.map((recording, index) => {
    const [x, y] = at([recording.x, recording.y]);
    const distance = distances[index] as number;
    // What stands at the right would run out of the map.
    const anchor = x > MAP.x + MAP.size / 2 ? "end" : "start";
    return `<line class="way" x1="${fixed(x)}" y1="${fixed(y)}" x2="${fixed(fx)}" y2="${fixed(fy)}"/><circle class="device" cx="${fixed(x)}" cy="${fixed(y)}" r="6"/><text x="${fixed(x)}" y="${fixed(y - 12)}" text-anchor="${anchor}">device-${index}, ${distance.toFixed(2)} m</text>`;
  });
  // When the clap was is not known: the loudest moment of the nearest device says it near enough.
  const nearest = distances.indexOf(Math.min(...distances));
  const heard = recordings[nearest] as Recording;
  const peak = heard.samples.reduce(
    (best, sample, i, all) => (Math.abs(sample) > Math.abs(all[best] as number) ? i : best),
    0,
  );
  const clap = heard.start + peak / heard.rate - (distances[nearest] as number) / SPEED_OF_SOUND;
  const waves = recordings.map((recording, row) => {
    const arrival = clap + (distances[row] as number) / SPEED_OF_SOUND;
    const x = WAVES.x + (WAVES.width * (arrival - begin)) / (end - begin);
    const top = WAVES.y + (WAVES.height / 3) * row;
    return `${wave(recording, begin, end - begin, row)}<line class="arrival" x1="${fixed(x)}" y1="${fixed(top + 8)}" x2="${fixed(x)}" y2="${fixed(top + WAVES.height / 3 - 8)}"/><text x="${WAVES.x + 8}" y="${fixed(top + 18)}">device-${row}</text>`;
  });
  const centimetres = Math.hypot(found[0] - truth[0], found[1] - truth[1]) * 100;
  const words = `The clap was found at (${found[0].toFixed(3)}, ${found[1].toFixed(3)}) m, ${centimetres.toFixed(1)} cm from its true place.`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="words">
<title id="words">${words}</title>
<style>
svg { background: #fff; font: 13px system-ui, sans-serif; fill: #1b1f24 }
.frame { fill: #f6f8fa; stroke: #8c959f }
.way { stroke: #8c959f; stroke-dasharray: 4 4 }
.device { fill: #0a53be }
.found { stroke: #a40e26; stroke-width: 3 }
.truth { fill: none; stroke: #116329; stroke-width: 2 }
polyline { fill: none; stroke: #0a53be }
.arrival { stroke: #a40e26; stroke-width: 2 }
</style>
<text x="20" y="24">${words}</text>
<text x="20" y="42">What three devices heard; red: where the isolate found the clap, and when its sound must have arrived; green: its true place.</text>
<rect class="frame" x="${MAP.x}" y="${MAP.y}" width="${MAP.size}" height="${MAP.size}"/>
<rect class="frame" x="${WAVES.x}" y="${WAVES.y}" width="${WAVES.width}" height="${WAVES.height}"/>
${map.join("\n")}
<circle class="truth" cx="${fixed(tx)}" cy="${fixed(ty)}" r="11"/>
<path class="found" d="M${fixed(fx - 7)} ${fixed(fy - 7)}l14 14m0-14l-14 14"/>
${waves.join("\n")}
</svg>
`;
}
