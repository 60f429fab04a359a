import { setTimeout as delay } from "node:timers/promises";
import type { IsolateLog } from "../common/isolate-launcher.js";
import { type Commit, peekCommit, refusalText } from "../continuity/commit-statement.js";
import type { AttestationClient } from "../proxy-attestation-server/client.js";
import type { Message } from "../transport-protocol/index.js";
import { type IsolateConnection, IsolateLost, IsolateRefused } from "./isolate-connection.js";

/** Tokens of clients that are verified at a time; more are told that there is no statement. */
const MAX_VERIFYING = 16;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 5_000;

/**
 * Carries what an isolate asks of the proxy attestation server, and its signed answers back: commits of the
 * computation, and re-attestations of clients that reach nobody else. This server believes none of it: isolate and
 * clients check the signatures.
 */
export class AttestationRelay {
  /** What the isolate was committed as, as far as is known here. */
  committed: Commit | undefined;
  /** Why the computation is refused for good; undefined while it is not. */
  refused: string | undefined;
  private request: Message<"commitWanted"> | undefined;
  private asking = false;
  private verifying = 0;

  constructor(
    private readonly attestation: AttestationClient,
    private readonly log: IsolateLog,
    /** Aborted when the isolate, or this server, is gone. */
    private readonly over: AbortSignal,
  ) {}

  /**
   * Asks for a commit until there is a signed answer that the isolate takes: nothing else is final, neither a
   * refusal without a signature, nor silence, nor an answer that somebody on the way has made.
   */
  async commitWanted(
    connection: IsolateConnection,
    request: Message<"commitWanted">,
  ): Promise<void> {
    this.request = request;
    if (this.asking) return;
    this.asking = true;
    try {
      for (
        let pause = FIRST_DELAY_MS;
        !this.over.aborted;
        pause = Math.min(LAST_DELAY_MS, 2 * pause)
      ) {
        try {
          await this.commitOnce(connection, request);
          return;
        } catch (error) {
          if (error instanceof IsolateLost) return;
          const what =
            error instanceof IsolateRefused ? "an answer that the isolate refuses: " : "";
          this.log("warn", "the computation is not committed yet, will be tried again", {
            reason: what + reasonOf(error),
          });
        }
        await delay(pause, undefined, { signal: this.over }).catch(() => undefined);
      }
    } finally {
      this.asking = false;
    }
  }

  private async commitOnce(
    connection: IsolateConnection,
    { publicKey, policyHash, scopeHash, signature }: Message<"commitWanted">,
  ): Promise<void> {
    const statement = await this.attestation.commit({
      publicKey,
      policyHash,
      scopeHash,
      signature,
    });
    const said = peekCommit(statement);
    const refused = said?.refused ? refusalText(said.reason, said.beganAt) : undefined;
    // The isolate says that it has ended in the same breath: by then the reason must be known.
    this.refused = refused;
    try {
      await connection.request("installCommitment", { statement });
    } catch (error) {
      if (error instanceof IsolateRefused) this.refused = undefined;
      throw error;
    }
    if (said === undefined || said.refused) return;
    this.committed = { n: said.n, of: said.of };
    this.log("info", "computation committed to the isolate", { ...this.committed });
  }

  /**
   * After a renewal of the isolate's certificate: fetches the same commit anew, by a key whose time reaches as
   * far as the new certificate's.
   */
  async renew(connection: IsolateConnection): Promise<void> {
    if (this.committed !== undefined && this.request !== undefined)
      await this.commitWanted(connection, this.request);
  }

  /** Has a client's token verified, and hands over what comes of it. */
  async freshnessWanted(
    connection: IsolateConnection,
    { session, type: _, ...token }: Message<"freshnessWanted">,
  ): Promise<void> {
    let statement: Uint8Array = new Uint8Array(0);
    if (this.verifying < MAX_VERIFYING) {
      this.verifying++;
      try {
        ({ statement } = await this.attestation.verifyProxyToken(token));
      } catch (error) {
        this.log("warn", "a client's token was not verified", { reason: reasonOf(error) });
      } finally {
        this.verifying--;
      }
    }
    // An isolate that is gone, or refuses it, has told so already.
    await connection.request("deliverFreshness", { session, statement }).catch(() => undefined);
  }
}

function reasonOf(error: unknown): string {
  return (error as Error).message || String((error as NodeJS.ErrnoException).code);
}
