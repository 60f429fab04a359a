import { randomInt } from "node:crypto";
import { addressGroups } from "./address-groups.js";

/** How many peers of whom nothing is known may have a place at a time. */
export interface NewcomerBounds {
  /** Places in all. */
  readonly total: number;
  /** Places of one IPv4 address or IPv6 /64; a /56 has twice, a /48 four times as many. */
  readonly perAddress: number;
}

/** A place that a peer of whom nothing is known has taken. */
export interface Newcomer {
  readonly address: string;
  /** Told, once, when the place is given to somebody else. It is then free already. */
  readonly giveWay: () => void;
}

/** A network of addresses: smaller networks, or newcomers. */
class Group {
  /** Newcomers in it and in all that it is made of. */
  count = 0;
  readonly groups = new Map<string, Group>();
  readonly newcomers: Newcomer[] = [];
}

function pick<T>(items: readonly T[]): T {
  return items[randomInt(items.length)] as T;
}

/**
 * Resources that are taken before a peer is known: connections, handshakes. They are bounded for each
 * address and in all; who is there gives way to who comes, so that a newcomer always gets in:
 *
 * - where an address has as many places as it may have, a random one of its own gives way;
 * - where all places are taken, a random one of the address that has most. Were it random among all,
 *   whoever comes more often would push the others out.
 *
 * `draw` serves those who wait: each address has the same chance, however many places it has.
 */
export class Newcomers {
  private readonly root = new Group();

  constructor(private readonly bounds: NewcomerBounds) {}

  get count(): number {
    return this.root.count;
  }

  /** Takes a place. Whoever gives way for it is told before this returns. */
  enter(address: string, giveWay: () => void): Newcomer {
    const newcomer = { address, giveWay };
    for (const path = this.pathOf(address, true); ; ) {
      const full = path.find(({ group, most }) => group.count >= most);
      if (full === undefined) break;
      this.evictFrom(full.group);
    }
    // What gave way may have taken empty groups with it.
    const groups = this.pathOf(address, true).map(({ group }) => group);
    for (const group of groups) group.count++;
    (groups.at(-1) as Group).newcomers.push(newcomer);
    return newcomer;
  }

  /** Gives a place back; does nothing when it was given away before. */
  leave(newcomer: Newcomer): boolean {
    const groups = this.pathOf(newcomer.address, false).map(({ group }) => group);
    const { newcomers } = groups.at(-1) ?? new Group();
    const index = newcomers.indexOf(newcomer);
    if (index < 0) return false;
    newcomers.splice(index, 1);
    for (const group of groups) group.count--;
    const keys = addressGroups(newcomer.address).map(({ key }) => key);
    for (let depth = keys.length; depth > 0; depth--) {
      const group = groups[depth] as Group;
      if (group.count === 0) groups[depth - 1]?.groups.delete(keys[depth - 1] as string);
    }
    return true;
  }

  /** Takes one of those that wait out, each network with the same chance; undefined when nobody waits. */
  draw(): Newcomer | undefined {
    if (this.root.count === 0) return undefined;
    let group = this.root;
    while (group.groups.size > 0) group = pick([...group.groups.values()]);
    const newcomer = pick(group.newcomers);
    this.leave(newcomer);
    return newcomer;
  }

  /** The groups of an address, the one of all first, with what each may hold. */
  private pathOf(address: string, making: boolean): { group: Group; most: number }[] {
    const { total, perAddress } = this.bounds;
    const path = [{ group: this.root, most: total }];
    let { group } = path[0] as { group: Group };
    for (const { key, share } of addressGroups(address)) {
      let inner = group.groups.get(key);
      if (inner === undefined) {
        if (!making) return [];
        inner = new Group();
        group.groups.set(key, inner);
      }
      group = inner;
      path.push({ group, most: share * perAddress });
    }
    return path;
  }

  /** Takes a place away within a group: of the address that has most. */
  private evictFrom(start: Group): void {
    let group = start;
    while (group.groups.size > 0) {
      const inner = [...group.groups.values()];
      const most = inner.reduce((seen, { count }) => Math.max(seen, count), 0);
      group = pick(inner.filter(({ count }) => count === most));
    }
    const victim = pick(group.newcomers);
    this.leave(victim);
    victim.giveWay();
  }
}
