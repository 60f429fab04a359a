// Two networks of a test's own, for whoever is to be on another machine than the server.
import { spawnSync } from "node:child_process";

/** Two networks that are joined by a cable; undefined where this user may not make them. */
export function cable():
  | { server: string; client: string; address: string; remove: () => void }
  | undefined {
  const tag = `v${process.pid % 100_000}`;
  const [server, client] = [`${tag}s`, `${tag}c`];
  const ip = (line: string) => spawnSync("ip", line.split(" "), { stdio: "ignore" }).status === 0;
  const remove = () => {
    ip(`netns delete ${server}`);
    ip(`netns delete ${client}`);
  };
  const made =
    ip(`netns add ${server}`) &&
    ip(`netns add ${client}`) &&
    ip(`link add ${tag}a netns ${server} type veth peer name ${tag}b netns ${client}`) &&
    ip(`-n ${server} address add 10.77.0.1/24 dev ${tag}a`) &&
    ip(`-n ${client} address add 10.77.0.2/24 dev ${tag}b`) &&
    ip(`-n ${server} link set lo up`) &&
    ip(`-n ${client} link set lo up`) &&
    ip(`-n ${server} link set ${tag}a up`) &&
    ip(`-n ${client} link set ${tag}b up`);
  if (made) return { server, client, address: "10.77.0.1", remove };
  remove();
  return undefined;
}

/** The words that run a command in a network. */
export function inNetwork(network: string | undefined, ...line: string[]): [string, ...string[]] {
  const words = network === undefined ? line : ["ip", "netns", "exec", network, ...line];
  return words as [string, ...string[]];
}
