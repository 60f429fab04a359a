// X25519MLKEM768 against OpenSSL 3.5, as Node.js 24 carries it, in both roles: by default, after
// HelloRetryRequest, and where one side cannot. `npm run test:nodes -- 24` brings that Node.js.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { Group } from "../../host/session-manager/engine.js";
import { otherNodes } from "../support/other-node.js";
import { skip } from "../support/shared.js";
import { privatePem, toPem } from "../x509/support/certificates.js";
import type { Case } from "./support/cases.js";
import { authority, serverName } from "./support/credentials.js";
import {
  alertOf,
  client,
  connectTo,
  listen,
  type Outcome,
  payload,
  server,
} from "./support/exchange.js";
import type { NodePeerResult, NodePeerSettings } from "./support/node-peer.js";
import { within } from "./support/processes.js";

/** A Node.js with OpenSSL 3.5: the one at hand, or one that `scripts/test-nodes.js` has installed. */
function findNode(): string | undefined {
  const [major = 0, minor = 0] = process.versions.openssl.split(".").map(Number);
  if (major > 3 || (major === 3 && minor >= 5)) return process.execPath;
  return otherNodes().find(({ version }) => Number(version.split(".")[0]) >= 24)?.path;
}

const node = findNode();
const script = join(projectRoot, "build/js/test/session-manager/support/node-peer.js");
const HYBRID = "X25519MLKEM768";
const SIZE = 40_000;
const one: Case = {
  suite: "CHACHA20_POLY1305",
  group: "X25519",
  retry: false,
  certificate: "good",
  size: SIZE,
  seed: 24,
};

/** Runs the other Node.js as a peer; its lines, the last of which is its result. */
function peer(role: "client" | "server", settings: Partial<NodePeerSettings>) {
  const credential = role === "client" ? client : server;
  const all: NodePeerSettings = {
    cert: credential.chain.map(toPem).join(""),
    key: privatePem(credential.key),
    ca: role === "client" ? [toPem(authority.certificate)] : client.chain.map(toPem),
    servername: serverName,
    groups: "",
    text: payload(SIZE).toString(),
    ...settings,
  };
  const child = spawn(node as string, [script, role, JSON.stringify(all)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  return {
    child,
    next,
    result: async () => JSON.parse(await next()) as NodePeerResult,
  };
}

/** Both ends have the other's bytes, by the group that was expected, and in one round trip or two. */
function assertExchanged(
  ours: Outcome,
  theirs: NodePeerResult,
  expected: { group: number; retried: boolean },
): void {
  assert.is(ours.error, undefined, `${ours.error?.message}; ${theirs.error}`);
  assert.is(ours.negotiated?.group, expected.group);
  assert.is(ours.negotiated?.retried, expected.retried);
  assert.ok(ours.received.equals(payload(SIZE)));
  assert.ok(theirs.received === payload(SIZE).toString(), theirs.error);
}

if (node === undefined) skip(9, "no Node.js with OpenSSL 3.5; npm run test:nodes -- 24 brings one");
else {
  for (const [name, groups, options, expected] of [
    ["by default", "", {}, { group: Group.x25519mlkem768, retried: false }],
    [
      "after HelloRetryRequest",
      `P-384:${HYBRID}`,
      {},
      { group: Group.x25519mlkem768, retried: true },
    ],
    [
      "sent X25519, and asked for hybrid",
      `*X25519:${HYBRID}`,
      {},
      { group: Group.x25519mlkem768, retried: true },
    ],
    ["that cannot", "X25519", {}, { group: Group.x25519, retried: false }],
    [
      "that cannot, where hybrid is required",
      "X25519",
      { groups: Group.x25519mlkem768 },
      undefined,
    ],
  ] as const)
    test(`Node.js 24 as a client ${name}`, async () => {
      const listening = await listen(one, options);
      const { child, result } = peer("client", { groups, port: listening.port });
      try {
        const [ours, theirs] = await within(60, name, Promise.all([listening.outcome, result()]));
        if (expected === undefined) {
          assert.is(alertOf(ours.error), 40);
          assert.match(theirs.error ?? "", /HANDSHAKE_FAILURE/);
          assert.is(theirs.received, "");
          return;
        }
        assertExchanged(ours, theirs, expected);
      } finally {
        listening.close();
        child.kill();
      }
    });

  for (const [name, groups, options, expected] of [
    [
      "by default",
      "",
      { keyShares: Group.x25519mlkem768 },
      { group: Group.x25519mlkem768, retried: false },
    ],
    [
      "that wants hybrid where we sent X25519",
      HYBRID,
      { keyShares: Group.x25519 },
      { group: Group.x25519mlkem768, retried: true },
    ],
    [
      "that cannot",
      "X25519",
      { keyShares: Group.x25519mlkem768 },
      { group: Group.x25519, retried: true },
    ],
    [
      "that cannot, where hybrid is required",
      "X25519",
      { groups: Group.x25519mlkem768, keyShares: Group.x25519mlkem768 },
      undefined,
    ],
  ] as const)
    test(`Node.js 24 as a server ${name}`, async () => {
      const { child, next, result } = peer("server", { groups });
      try {
        const port = Number(await within(60, name, next()));
        const [ours, theirs] = await within(
          60,
          name,
          Promise.all([connectTo(port, one, options), result()]),
        );
        if (expected === undefined) {
          assert.is(alertOf(ours.error), 40);
          assert.is(theirs.received, "");
          return;
        }
        assertExchanged(ours, theirs, expected);
      } finally {
        child.kill();
      }
    });
}
test.run();
