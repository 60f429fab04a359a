import type { Socket } from "node:net";
import type { ConnectionGate } from "../common/connection-gate.js";

/** Sessions that are remembered at most: of what is forgotten, a connection stays known until it ends. */
const MAX_SESSIONS = 10_000;

/**
 * Of each session in POST requests whose peer is a principal, the connection that carried it last: that one takes no
 * stranger's place, and the one before does again.
 */
export class PostCarriers {
  private readonly connections = new Map<string, Socket>();
  private readonly sessionsOf = new WeakMap<Socket, Set<string>>();

  constructor(private readonly gate: ConnectionGate) {}

  /** @param session its name, another one for each session, of whichever computation and server */
  carry(session: string, connection: Socket): void {
    const before = this.connections.get(session);
    if (before === connection) return;
    if (before !== undefined) {
      this.sessionsOf.get(before)?.delete(session);
      this.gate.holdAgain(before);
    }
    this.connections.delete(session);
    this.connections.set(session, connection);
    this.sessionsAt(connection).add(session);
    this.gate.release(connection);
    const [oldest] = this.connections.keys();
    if (this.connections.size > MAX_SESSIONS) this.forget(oldest as string);
  }

  private sessionsAt(connection: Socket): Set<string> {
    const known = this.sessionsOf.get(connection);
    if (known !== undefined) return known;
    const sessions = new Set<string>();
    this.sessionsOf.set(connection, sessions);
    connection.once("close", () => {
      for (const session of sessions) this.connections.delete(session);
    });
    return sessions;
  }

  private forget(session: string): void {
    const connection = this.connections.get(session);
    if (connection !== undefined) this.sessionsOf.get(connection)?.delete(session);
    this.connections.delete(session);
  }
}
