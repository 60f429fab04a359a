// In a browser: the question goes to the computation's own path, so that no header needs the server's leave.
import { displayUtf8 } from "../../common/text.js";
import type { ServerAddress } from "../../veracruz-client/server-address.js";
import type { ServerAnswer } from "../../veracruz-client/server-questions.js";
import { POLICY_HEADER } from "../../veracruz-utils/admission.js";
import { originOf } from "../web-socket-tunnel.js";

/** As the client's own. */
export async function askServer(
  server: ServerAddress,
  path: string,
  headers: Record<string, string>,
  { timeoutMs, most }: { timeoutMs: number; most: number },
): Promise<ServerAnswer | undefined> {
  try {
    const url = `${originOf(server)}/computations/${headers[POLICY_HEADER]}${path}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const text = displayUtf8(new Uint8Array(await answer.arrayBuffer()));
    return text.length > most ? undefined : { status: answer.status, text };
  } catch {
    return undefined;
  }
}
