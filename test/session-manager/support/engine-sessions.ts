/** Sessions of the engine for tests with a scripted peer, and what must hold after a refusal. */
import * as assert from "uvu/assert";
import { alertNames, describeRefusal } from "../../../host/session-manager/alerts.js";
import {
  type ConfigOptions,
  Status,
  type TlsConfig,
  type TlsSession,
} from "../../../host/session-manager/engine.js";
import { authority, identityOf, serverName } from "./credentials.js";
import { client, engine, server } from "./test-engine.js";

export { client, engine, server };

import { ScriptedClient } from "./scripted-client.js";
import type { ScriptedPeer } from "./scripted-peer.js";
import { ScriptedServer } from "./scripted-server.js";
import { Content } from "./wire.js";

/** What bytes say in UTF-8. */
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A configuration for one session, so that its memory can be told from others'. */
function configured(role: "server" | "client", options: ConfigOptions): TlsConfig {
  return engine.configure(
    role === "server"
      ? { identity: identityOf(server), ...options }
      : {
          identity: identityOf(client),
          server: { authority: authority.certificate, name: serverName },
          ...options,
        },
  );
}

export interface ServerRun {
  config: TlsConfig;
  session: TlsSession;
  peer: ScriptedClient;
}

export interface ClientRun {
  config: TlsConfig;
  session: TlsSession;
  peer: ScriptedServer;
}

/** A session in the server role with a scripted client. */
export function serve(
  options: ConfigOptions = {},
  ...peer: [suite?: number, group?: number]
): ServerRun {
  return serveWith(configured("server", options), ...peer);
}

export function serveWith(config: TlsConfig, ...peer: [suite?: number, group?: number]): ServerRun {
  const session = config.open("server");
  return { config, session, peer: new ScriptedClient(session, ...peer) };
}

/** A session in the client role with a scripted server. */
export function connect(options: ConfigOptions = {}): ClientRun {
  return connectWith(configured("client", options));
}

export function connectWith(config: TlsConfig): ClientRun {
  const session = config.open("client");
  return { config, session, peer: new ScriptedServer(session) };
}

/** A server session that is open for application data. */
export function serveOpen(options: ConfigOptions = {}, ...peer: [suite?: number]): ServerRun {
  const run = serve(options, ...peer);
  run.peer.begin();
  run.peer.finish(client);
  run.session.approvePeer();
  assert.is(run.session.status, Status.open);
  return run;
}

/** A client session that is open for application data. */
export function connectOpen(options: ConfigOptions = {}): ClientRun {
  const run = connect(options);
  run.peer.begin(server);
  assert.is(run.session.status, Status.approval);
  run.session.approvePeer();
  run.peer.hear();
  assert.is(run.session.status, Status.open);
  return run;
}

/** Whether the buffers of a configuration's sessions hold nothing. */
export function holdsNothing(config: TlsConfig): boolean {
  return engine.call("budgetUsed", config.handle) === 0;
}

/**
 * Checks that the session was refused with this alert, sent once, and that it takes and says nothing
 * from then on; then disposes of it.
 */
export function assertRefused(
  run: { config: TlsConfig; session: TlsSession; peer: ScriptedPeer },
  alert: number | undefined,
): void {
  const { config, session, peer } = run;
  assert.is(session.status, Status.failed, "the session has failed");
  assert.is(session.alertSent, alert);
  // The reason has words of its own beside the alert's name, unless the caller refused the peer.
  if (alert !== undefined && session.refusal !== alert)
    assert.match(
      describeRefusal(session.refusal ?? -1),
      new RegExp(`^[a-z ]+: ${alertNames[alert]} `),
    );
  assert.is(peer.heardAlert(), alert, "the alert went out");
  // Whatever comes now is dropped: more of the same handshake, data, alerts, garbage.
  for (const bytes of [
    peer.record(Content.handshake, peer.finished(Buffer.alloc(32))),
    peer.record(Content.data, Buffer.from("late")),
    peer.record(Content.alert, Buffer.from([2, 40])),
    Buffer.from([22, 3, 3, 0, 0]),
    Buffer.alloc(64, 0xff),
  ])
    assert.is(session.feed(bytes), bytes.length);
  session.approvePeer();
  session.updateKeys(true);
  session.close();
  assert.is(session.write(Buffer.from("late")), 0);
  assert.is(session.takePlaintext().length, 0);
  assert.is(session.takeOutput().length, 0, "nothing follows the alert");
  assert.is(session.status, Status.failed);
  assert.equal(session.peerCertificates(), []);
  assert.ok(holdsNothing(config), "its buffers are freed");
  session.dispose();
}
