// Recordings for the triangulation of an audio event: what three microphones hear of one clap.
import type { RandomNumbers } from "../support/random-numbers.js";

/** In dry air of 20 °C, metres per second; the program counts with the same. */
export const SPEED_OF_SOUND = 343;

export type Place = readonly [x: number, y: number];

export interface Scene {
  clap: Place;
  microphones: readonly Place[];
  /** Samples per second. */
  sampleRate: number;
  /** Length of each recording in seconds. */
  seconds: number;
  /** Standard deviation of the noise, as a part of the clap's loudness at a distance of one metre. */
  noise: number;
}

/** The loudest sample of a clap one metre away. */
const AMPLITUDE = 20_000;
/** When the clap happens, on the clock of all devices, and how long before it recordings begin. */
const CLAP_SECONDS = 1_000;
const LEAD_SECONDS = 0.012;

/** Sound pressure of a clap, `t` seconds after its beginning: three tones that die away at once. */
function clapAt(t: number): number {
  if (t < 0) return 0;
  const tones =
    Math.sin(2 * Math.PI * 1_130 * t) +
    0.7 * Math.sin(2 * Math.PI * 1_870 * t + 1) +
    0.4 * Math.sin(2 * Math.PI * 730 * t + 2);
  return 0.6 * tones * (1 - Math.exp(-t / 0.000_2)) * Math.exp(-t / 0.003);
}

/** A normally distributed number, near enough: the sum of twelve uniform ones. */
function normal(random: RandomNumbers): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random.below(65_536) / 65_536;
  return sum;
}

/** What one microphone records, as a WAV file with the chunk `vcev` of recording.ts. */
export function record(scene: Scene, index: number, random: RandomNumbers): Uint8Array {
  const [x, y] = scene.microphones[index] as Place;
  const distance = Math.hypot(x - scene.clap[0], y - scene.clap[1]);
  // Devices do not start at once; all know when they did.
  const start = CLAP_SECONDS - LEAD_SECONDS + random.below(5_000) * 1e-6;
  const arrival = CLAP_SECONDS + distance / SPEED_OF_SOUND;
  const loudness = AMPLITUDE / Math.max(distance, 0.5);
  const samples = Math.round(scene.seconds * scene.sampleRate);
  const file = Buffer.alloc(12 + 24 + 32 + 8 + 2 * samples);
  file.write("RIFF", 0);
  file.writeUInt32LE(file.length - 8, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20); // PCM
  file.writeUInt16LE(1, 22); // one channel
  file.writeUInt32LE(scene.sampleRate, 24);
  file.writeUInt32LE(2 * scene.sampleRate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("vcev", 36);
  file.writeUInt32LE(24, 40);
  file.writeDoubleLE(x, 44);
  file.writeDoubleLE(y, 52);
  file.writeDoubleLE(start, 60);
  file.write("data", 68);
  file.writeUInt32LE(2 * samples, 72);
  for (let i = 0; i < samples; i++) {
    const heard = loudness * clapAt(start + i / scene.sampleRate - arrival);
    const noise = scene.noise === 0 ? 0 : scene.noise * AMPLITUDE * normal(random);
    file.writeInt16LE(Math.max(-32_768, Math.min(32_767, Math.round(heard + noise))), 76 + 2 * i);
  }
  return Uint8Array.from(file);
}
