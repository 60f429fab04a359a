/** The engine under test, and a server and a client that it knows. */
import { loadTlsEngine } from "../../../host/session-manager/load.js";
import { clientCredential, serverCredential } from "./credentials.js";

export const engine = loadTlsEngine({}, "testing/session-manager");
export const server = serverCredential();
export const client = clientCredential();
