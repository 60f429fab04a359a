/** The interoperability matrix: what is varied, and which runs CI makes of it. */

export const suites = ["CHACHA20_POLY1305", "AES_128_GCM"] as const;
export const groups = ["X25519", "P-256"] as const;
/** Of the client: as wanted, none, not known to the server, out of date, not matching its key. */
export const certificates = ["good", "missing", "unknown", "expired", "wrong key"] as const;
/** Bytes that go each way. */
export const sizes = [0, 1, 16383, 16384, 16385, 10 << 20] as const;

export interface Case {
  suite: (typeof suites)[number];
  group: (typeof groups)[number];
  /** Whether the client's first key share does not fit, so that HelloRetryRequest is needed. */
  retry: boolean;
  certificate: (typeof certificates)[number];
  size: number;
  seed: number;
}

export const describe = (one: Case): string =>
  `${one.suite}, ${one.group}${one.retry ? ", HelloRetryRequest" : ""}, certificate ${one.certificate}` +
  `${one.certificate === "good" ? `, ${one.size} bytes` : ""}`;

/** Every combination: sizes vary only where the handshake succeeds. */
export function everyCase(): Case[] {
  const all: Case[] = [];
  for (const certificate of certificates)
    for (const size of certificate === "good" ? sizes : [1])
      for (const suite of suites)
        for (const group of groups)
          for (const retry of [false, true])
            all.push({ suite, group, retry, certificate, size, seed: all.length + 1 });
  return all;
}

/** The parts of a case of which every pair of values must meet in one of CI's runs. */
const parts = (one: Case): string[] => [
  one.suite,
  one.group,
  `retry ${one.retry}`,
  // The kind of failure and the amount of data are one part: they never meet.
  one.certificate === "good" ? `${one.size} bytes` : one.certificate,
];

const pairs = (one: Case): string[] => {
  const values = parts(one);
  return values.flatMap((a, i) => values.slice(i + 1).map((b) => `${a} × ${b}`));
};

/**
 * A subset in which each pair of values meets (greedy cover). `rotate` starts the search elsewhere, so
 * that different peers run different subsets.
 */
export function pairwiseCases(rotate: number): Case[] {
  const all = everyCase();
  const left = new Set(all.flatMap(pairs));
  const chosen: Case[] = [];
  while (left.size > 0) {
    let best: Case | undefined;
    let most = 0;
    for (let i = 0; i < all.length; i++) {
      const one = all[(i + rotate) % all.length] as Case;
      const gain = pairs(one).filter((pair) => left.has(pair)).length;
      // Ten megabytes cost most: as few of those as pairs allow.
      if (gain > most) {
        best = one;
        most = gain;
      }
    }
    if (best === undefined) break;
    chosen.push(best);
    for (const pair of pairs(best)) left.delete(pair);
  }
  return chosen;
}
