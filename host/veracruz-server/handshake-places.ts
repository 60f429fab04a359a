import { randomInt } from "node:crypto";
import { type Newcomer, type NewcomerBounds, Newcomers } from "../common/newcomers.js";

/** Somebody who wants a handshake of the isolate: waits for a place, has one, or has left. */
export interface PlaceHolder {
  /** Where it comes from; for a principal, its number. Each has the same chance. */
  readonly address: string;
  /** It has a place now. */
  readonly placed: () => void;
  /** It has to go, and leaves. */
  readonly giveWay: (reason: string) => void;
}

interface Placed {
  readonly holder: PlaceHolder;
  readonly since: number;
}

const REASON_CROWDED = "too many wait for a handshake: another one got this place, come again";
const REASON_SLOW = "the handshake was slow while others waited: come again";

/**
 * Who may have a handshake with the isolate now. Its places are few, and each costs it memory and time, so
 * that they are given out one by one: to a random one of those that wait, each address with the same
 * chance. A place is kept for `graceMs`; after that a random one gives way when somebody waits.
 */
export class HandshakePlaces {
  private readonly lobby: Newcomers;
  private readonly waiting = new Map<PlaceHolder, Newcomer>();
  private readonly drawn = new Map<Newcomer, PlaceHolder>();
  private readonly placed = new Map<PlaceHolder, Placed>();
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param places handshakes that may be under way at once; 0: none yet
   * @param graceMs milliseconds for which a handshake that has begun is left alone
   */
  constructor(
    bounds: NewcomerBounds,
    private places = 0,
    private graceMs = 2_000,
  ) {
    this.lobby = new Newcomers(bounds);
  }

  /** What the isolate at hand has room for. */
  resize(places: number, graceMs: number): void {
    this.places = places;
    this.graceMs = graceMs;
    this.serve();
  }

  /** Those that have a place. */
  get count(): number {
    return this.placed.size;
  }

  /** Waits for a place; `placed` may be called before this returns. */
  enter(holder: PlaceHolder): void {
    const newcomer = this.lobby.enter(holder.address, () => {
      this.waiting.delete(holder);
      this.drawn.delete(newcomer);
      holder.giveWay(REASON_CROWDED);
    });
    this.waiting.set(holder, newcomer);
    this.drawn.set(newcomer, holder);
    this.serve();
  }

  /** It waits no longer, or its handshake is over; does nothing when it had to give way. */
  leave(holder: PlaceHolder): void {
    const newcomer = this.waiting.get(holder);
    if (newcomer !== undefined) {
      this.waiting.delete(holder);
      this.drawn.delete(newcomer);
      this.lobby.leave(newcomer);
    }
    if (this.placed.delete(holder)) this.serve();
  }

  /** There is no isolate: all who wait or have a place are told why. */
  clear(reason: string): void {
    this.places = 0;
    for (const holder of [...this.waiting.keys(), ...this.placed.keys()]) holder.giveWay(reason);
  }

  private serve(): void {
    clearTimeout(this.timer);
    while (this.placed.size < this.places) {
      const newcomer = this.lobby.draw();
      if (newcomer === undefined) return;
      const holder = this.drawn.get(newcomer) as PlaceHolder;
      this.drawn.delete(newcomer);
      this.waiting.delete(holder);
      this.placed.set(holder, { holder, since: performance.now() });
      holder.placed();
    }
    if (this.lobby.count > 0 && this.placed.size > 0) this.makeRoom();
  }

  /** Somebody waits, and all places are taken: one of those that have had their time gives way. */
  private makeRoom(): void {
    const now = performance.now();
    const all = [...this.placed.values()];
    const slow = all.filter(({ since }) => now - since >= this.graceMs);
    const victim = slow.length > 0 ? slow[randomInt(slow.length)] : undefined;
    if (victim !== undefined) {
      this.placed.delete(victim.holder);
      victim.holder.giveWay(REASON_SLOW);
      // What it held of the isolate is given back before the next one's request is sent.
      this.serve();
      return;
    }
    const first = all.reduce((least, { since }) => Math.min(least, since), now);
    const wait = Math.max(1, Math.ceil(this.graceMs - (now - first)));
    this.timer = setTimeout(() => this.serve(), wait).unref();
  }
}
