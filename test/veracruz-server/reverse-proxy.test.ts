// A computation through Debian's nginx, with the configuration of docs/reverse-proxy: HTTPS, POST and WebSocket.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWebSocketStream, WebSocket } from "ws";
import { freePort } from "../../host/common/free-port.js";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { RequestChannel } from "../../host/veracruz-client/request-channel.js";
import { openOwnTls } from "../../host/veracruz-client/secure-channel.js";
import { skip } from "../support/shared.js";
import { exampleModule, principal, System, until } from "../support/system.js";

/** nginx in the foreground, in front of a server, from this computer's second loopback address. */
class ReverseProxy {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly caFile: string,
  ) {}

  static async start(tool: string, folder: string, serverPort: number): Promise<ReverseProxy> {
    const port = await freePort();
    const place = mkdtempSync(join(folder, "nginx-"));
    const [certificate, key] = [join(place, "cert.pem"), join(place, "key.pem")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=proxy"],
        ...["-addext", "subjectAltName=IP:127.0.0.1,DNS:veracruz.example"],
      ],
      { stdio: "ignore" },
    );
    let site = readFileSync(join(projectRoot, "docs/reverse-proxy/nginx.conf"), "utf8");
    for (const [from, to] of [
      ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
      ["127.0.0.1:3017", `127.0.0.1:${serverPort}`],
      ["/etc/ssl/veracruz.example.pem", certificate],
      ["/etc/ssl/private/veracruz.example.key", key],
    ] as const) {
      assert.ok(site.includes(from), from);
      site = site.replace(from, to);
    }
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${place}/${name};`)
      .join("\n");
    const file = join(place, "nginx.conf");
    writeFileSync(
      file,
      `daemon off;\nmaster_process off;\npid ${place}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${temporary}\n${site}\n}\n`,
    );
    const child = spawn(tool, ["-p", place, "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const proxy = new ReverseProxy(child, port, certificate);
    await until("nginx answers", async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
      return (await proxy.status("/livez").catch(() => 0)) === 200;
    });
    return proxy;
  }

  /** The status of a GET by a client at another address of this computer. */
  status(path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const ca = readFileSync(this.caFile);
      request(
        { host: "127.0.0.1", port: this.port, path, ca, localAddress: "127.0.0.2", agent: false },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        },
      )
        .on("error", reject)
        .end();
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("close", resolve));
    this.child.kill("SIGTERM");
    await ended;
  }
}

const nginx = systemTool("nginx") ?? systemTool("../sbin/nginx");
if (nginx === undefined) skip(1, "no nginx; on Debian: apt-get install nginx-light");
else {
  test("a party takes part through nginx, by POST and by WebSocket, and is counted by its own address", () =>
    System.use(
      {
        principals: { alice: "nop.wasm:w,output:r" },
        programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
        server: { trustedProxies: ["127.0.0.1"] },
      },
      async (system) => {
        const { attestation } = system;
        const proxy = await ReverseProxy.start(nginx, attestation.folder, system.address.port);
        try {
          for (const path of ["/", "/metrics"]) assert.is(await proxy.status(path), 403, path);
          assert.is(await proxy.status("/healthz"), 200);
          // As a party does: a command of its own, which trusts the proxy's CA.
          const { pem, keyPem } = principal("alice");
          const files = {
            identity: attestation.write("alice.pem", pem),
            key: attestation.write("alice.key.pem", keyPem),
            policy: attestation.write("policy.json", system.policy.bytes),
            program: attestation.write("nop.wasm", exampleModule("nop")),
          };
          const client = (server: string) =>
            spawnClient(
              [
                files.policy,
                ...["--identity", files.identity, "--key", files.key, "--server", server],
                ...["--program", `nop.wasm=${files.program}`, "--no-shutdown"],
                ...["--records", join(attestation.folder, "records")],
              ],
              proxy.caFile,
            );
          const sent = await client(`https://127.0.0.1:${proxy.port}`);
          assert.is(sent.code, 0, sent.err);
          const admitted = system.logged("session opened").at(-1);
          assert.is(admitted?.admitted, 1);
          // Another CA than the proxy's: whoever is there, it is not the server that was named.
          const stranger = await client(`https://localhost:${proxy.port}`);
          assert.is.not(stranger.code, 0);
          assert.match(
            stranger.err,
            /cannot reach the server at https:\/\/localhost:\d+: .*altnames/,
          );

          const webSocket = new WebSocket(`wss://127.0.0.1:${proxy.port}/runtime_manager`, {
            ca: readFileSync(proxy.caFile),
            localAddress: "127.0.0.2",
          });
          const { stream, isolate } = await openOwnTls(createWebSocketStream(webSocket), {
            policy: system.policy,
            identity: loadIdentity(Buffer.from(pem), keyPem),
            expectedFingerprint: undefined,
            timeoutMs: 60_000,
          });
          assert.equal(Buffer.from(isolate.runtimeHash), Buffer.from(attestation.runtimeHash));
          const channel = new RequestChannel(stream);
          const answer = await channel.send({ type: "requestPolicyHash" });
          assert.is(answer.type, "hash");
          await channel.close();
          assert.is(system.logged("session opened").at(-1)?.from, "127.0.0.2");
        } finally {
          await proxy.stop();
        }
      },
    ));
}

/** Runs `vc-client`, with another CA for HTTPS. */
function spawnClient(args: readonly string[], ca: string): Promise<{ code: number; err: string }> {
  return new Promise((resolve) => {
    const cli = join(projectRoot, "build/js/host/veracruz-client/cli.js");
    const child = spawn(process.execPath, [cli, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
    });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.on("close", (code) => resolve({ code: code ?? 1, err }));
  });
}
test.run();
