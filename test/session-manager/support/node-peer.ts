// A TLS peer by itself, to be run by another Node.js than the one that runs the tests:
//   node node-peer.js client|server SETTINGS
// SETTINGS is JSON: `NodePeerSettings`. A server prints its port first; both print at the end, as JSON, what
// they got.
import { connect, createServer, type TLSSocket } from "node:tls";

export interface NodePeerSettings {
  cert: string;
  key: string;
  ca: string[];
  servername: string;
  /** OpenSSL's list; what this Node.js offers by itself where it is empty. */
  groups: string;
  /** What is sent, and to be received. */
  text: string;
  port?: number;
}

export interface NodePeerResult {
  received: string;
  error?: string;
}

const [role, json = "{}"] = process.argv.slice(2);
const settings = JSON.parse(json) as NodePeerSettings;
const result: NodePeerResult = { received: "" };
const tls = {
  cert: settings.cert,
  key: settings.key,
  ca: settings.ca,
  minVersion: "TLSv1.3" as const,
  ...(settings.groups && { ecdhCurve: settings.groups }),
};

function use(socket: TLSSocket): void {
  socket.on("data", (chunk: Buffer) => {
    result.received += chunk.toString();
    if (role === "server" && result.received.length >= settings.text.length)
      socket.write(settings.text);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    result.error = error.code ?? error.message;
  });
  socket.on("end", () => socket.end());
}

const done = () => console.log(JSON.stringify(result));
if (role === "client") {
  const socket = connect({
    ...tls,
    host: "127.0.0.1",
    port: settings.port,
    servername: settings.servername,
  });
  use(socket);
  socket.on("secureConnect", () => socket.write(settings.text));
  socket.on("close", done);
} else {
  const listener = createServer(
    { ...tls, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      use(socket);
      listener.close(done);
    },
  );
  listener.on("tlsClientError", (error: NodeJS.ErrnoException) => {
    result.error = error.code ?? error.message;
    listener.close(done);
  });
  listener.listen(0, "127.0.0.1", () => {
    const address = listener.address();
    console.log(typeof address === "object" ? address?.port : 0);
  });
}
