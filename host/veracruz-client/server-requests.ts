import { Agent as PlainAgent, request as plainRequest } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import type { ServerAddress } from "./server-address.js";

/** What asks a server: HTTP, or HTTPS. */
export function requestTo({ secure }: ServerAddress): typeof plainRequest {
  return secure ? (secureRequest as typeof plainRequest) : plainRequest;
}

/** Keeps one connection to a server for requests that follow one another. */
export function agentFor({ secure }: ServerAddress): PlainAgent {
  return new (secure ? SecureAgent : PlainAgent)({ keepAlive: true, maxSockets: 1 });
}
