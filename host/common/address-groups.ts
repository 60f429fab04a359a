import { isIPv6 } from "node:net";

/** A network that an address is part of, and how many shares of one /64 its addresses have together. */
export interface AddressGroup {
  readonly key: string;
  readonly share: number;
}

/** The prefixes of IPv6 at which resources are counted, with their shares: providers hand out all three. */
const IPV6_PREFIXES = [
  [48, 4],
  [56, 2],
  [64, 1],
] as const;

/** The eight groups of an IPv6 address without a zone, as numbers. */
function ipv6Groups(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const parse = (text: string) =>
    text === "" ? [] : text.split(":").map((part) => Number.parseInt(part, 16));
  const first = parse(head);
  if (tail === undefined) return first;
  const last = parse(tail);
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}

/**
 * The networks at which a peer's resources are counted, from the widest to the narrowest: one IPv4
 * address; of IPv6 the /48, the /56 and the /64, since whoever has one address of those has them all.
 * What is no IP address is a group of its own.
 */
export function addressGroups(address: string): AddressGroup[] {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  if (!isIPv6(plain) || plain.includes(".")) return [{ key: plain, share: 1 }];
  const groups = ipv6Groups(plain);
  return IPV6_PREFIXES.map(([bits, share]) => {
    const whole = groups.slice(0, Math.floor(bits / 16));
    const rest = bits % 16 === 0 ? [] : [(groups[whole.length] as number) >> (16 - (bits % 16))];
    return { key: `${[...whole, ...rest].map((n) => n.toString(16)).join(":")}/${bits}`, share };
  });
}
