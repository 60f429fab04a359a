import { randomInt } from "node:crypto";

/**
 * The challenges of one server that were not used here and are in time, by device ID. Anybody may ask for one, so
 * that who has one gives way to who comes: a random one, whoever had it asks for another.
 */
export class OpenChallenges {
  /** Oldest first. */
  private readonly places = new Map<number, { expiresAt: number; index: number }>();
  private readonly deviceIds: number[] = [];

  /** @param most that may be open at once */
  constructor(private readonly most: number) {}

  has(deviceId: number): boolean {
    return this.places.has(deviceId);
  }

  /**
   * Adds one that is not there.
   *
   * @param expiresAt milliseconds since 1970, as `now`
   * @returns the one that gave way to it; undefined where there was room
   */
  add(deviceId: number, expiresAt: number, now: number): number | undefined {
    this.dropExpired(now);
    const { deviceIds } = this;
    const full = deviceIds.length >= this.most;
    const victim = full ? deviceIds[randomInt(deviceIds.length)] : undefined;
    if (victim !== undefined) this.remove(victim);
    this.places.set(deviceId, { expiresAt, index: deviceIds.length });
    deviceIds.push(deviceId);
    return victim;
  }

  /** It was used, or is no challenge after all; does nothing for one that is not there. */
  remove(deviceId: number): void {
    const place = this.places.get(deviceId);
    if (place === undefined) return;
    this.places.delete(deviceId);
    const last = this.deviceIds.pop() as number;
    if (last === deviceId) return;
    this.deviceIds[place.index] = last;
    (this.places.get(last) as { index: number }).index = place.index;
  }

  private dropExpired(now: number): void {
    for (const [deviceId, { expiresAt }] of this.places) {
      if (expiresAt >= now) break;
      this.remove(deviceId);
    }
  }
}
