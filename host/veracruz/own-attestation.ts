import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { parseAddress } from "../common/addresses.js";
import { CliError, writeUserFile } from "../common/cli.js";
import { networkReason } from "../common/network-reason.js";
import { decodeUtf8 } from "../common/text.js";
import type { CertificateAuthority } from "../proxy-attestation-server/ca.js";
import { initialiseCa, loadCa } from "../proxy-attestation-server/ca.js";
import { enrolFile, parseEnrolmentFile } from "../proxy-attestation-server/enrolment.js";
import { kindOf } from "../proxy-attestation-server/enrolment-decision.js";
import { openStore } from "../proxy-attestation-server/open-store.js";
import type { RunningServer } from "../proxy-attestation-server/server.js";
import type { Store } from "../proxy-attestation-server/store.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { certificateFromPem } from "../x509/principal-certificate.js";
import { configurationFolder, folderOf } from "./configuration.js";

/** How long the CA of one's own attestation server is good. */
const CA_DAYS = 3650;
const TAKE_OVER_MS = 1_000;

const pathOf = (name: string) => join(configurationFolder(), "attestation", name);

/** The certificate of this user's own CA, PEM; both are made at the first call. */
export function ownCa(): string {
  folderOf("attestation");
  const path = pathOf("ca.pem");
  if (!existsSync(path)) {
    const names = [pathOf("ca-key.pem"), path] as const;
    initialiseCa(...names, "Veracruz attestation server of one of the parties", CA_DAYS);
  }
  return readFileSync(path, "utf8");
}

/** Whether isolates of this policy are vouched for by this user's own attestation server. */
export function isOwnAttestation({ document }: Policy): boolean {
  if (!existsSync(pathOf("ca.pem"))) return false;
  const own = certificateFromPem(readFileSync(pathOf("ca.pem"), "utf8"));
  return own.equals(certificateFromPem(document.proxy_service_cert));
}

/** The file of the key with which an isolate on this computer proves what it runs. */
export function deviceKeyPath(): string {
  return join(folderOf("attestation"), "device.key");
}

/** The file that stands for the secret storage of an emulated board. */
export function boardStatePath(board: string): string {
  return join(folderOf("attestation"), `${board}.state`);
}

/** Writes the file by which another attestation server can enrol a device, and answers its path. */
export function writeEnrolment(json: string): string {
  const path = join(folderOf("attestation"), "device.json");
  writeUserFile(path, "enrolment file", json);
  return path;
}

/** This user's own attestation server, in this process. */
export class OwnAttestationServer {
  private closing = false;
  private server: RunningServer | undefined;

  private constructor(
    private readonly ca: CertificateAuthority,
    private readonly policy: Policy,
    private readonly logger: Logger,
    /** For enrolments: the running server has a connection of its own. */
    private readonly store: Store,
  ) {}

  /**
   * Starts it where the policy says. Where another `veracruz up` of the same user has started it already, that one
   * serves; when it ends, this one takes over.
   *
   * @throws CliError when the address belongs to something else
   */
  static async start(policy: Policy, logger: Logger): Promise<OwnAttestationServer> {
    const ca = loadCa(pathOf("ca-key.pem"), pathOf("ca.pem"));
    const store = await openStore(pathOf("devices.sqlite"));
    const own = new OwnAttestationServer(ca, policy, logger, store);
    try {
      if (!(await own.listen())) {
        await own.requireOwn();
        void own.takeOver();
      }
      return own;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** False where the address is in use. */
  private async listen(): Promise<boolean> {
    const { startServer } = await import("../proxy-attestation-server/server.js");
    const address = parseAddress(this.policy.document.proxy_attestation_server_url);
    const store = await openStore(pathOf("devices.sqlite"));
    try {
      this.server = await startServer(store, this.ca, {
        ...address,
        logger: this.logger,
        allowDevelopment: this.policy.document.allow_development ?? false,
      });
      return true;
    } catch (error) {
      await store.close();
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
      throw new CliError(
        `the attestation server cannot listen on ${this.policy.document.proxy_attestation_server_url}: ${networkReason(error)}`,
        1,
      );
    }
  }

  /** Whoever has the address must be an attestation server, with this CA as far as it says. */
  private async requireOwn(): Promise<void> {
    const url = this.policy.document.proxy_attestation_server_url;
    const answer = await fetch(`http://${url}/healthz`, { signal: AbortSignal.timeout(5_000) })
      .then((response) => response.arrayBuffer())
      .then((bytes) => JSON.parse(decodeUtf8(new Uint8Array(bytes))) as { caNotAfter?: unknown })
      .catch(() => undefined);
    if (answer?.caNotAfter === new Date(this.ca.notAfter).toISOString()) return;
    throw new CliError(
      `${url} is in use by another program: the policy has the attestation server there`,
      1,
    );
  }

  private async takeOver(): Promise<void> {
    while (!this.closing && this.server === undefined) {
      await delay(TAKE_OVER_MS, undefined, { ref: false });
      // What fails now may succeed later: the isolate is attested already.
      if (!this.closing) await this.listen().catch(() => false);
    }
    if (this.closing) await this.server?.close();
  }

  /**
   * Accepts a device, and allows it to run what the policy names: nothing else, whatever it runs.
   *
   * @param enrolmentJson as `vc-root-of-trust init` and `vc-mcu provision` write it
   * @throws CliError
   */
  async accept(enrolmentJson: string): Promise<void> {
    const { instanceId, implementationId } = parseEnrolmentFile(enrolmentJson);
    const kind = kindOf(implementationId);
    if ((await this.store.device(instanceId)) === undefined)
      await enrolFile(this.store, enrolmentJson);
    const measurement = this.policy.runtimeHash(kind);
    if (measurement === undefined) {
      const where = kind === "linux" ? "a computer" : "a microcontroller";
      throw new CliError(
        `the policy allows no isolate on ${where}: its plan names no runtime for one`,
        1,
      );
    }
    await this.store.allow({
      implementationId,
      measurement: new Uint8Array(measurement),
      description: `policy ${this.policy.hash.toString("hex").slice(0, 12)}`,
      allowedAt: Date.now(),
    });
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.server?.close();
    await this.store.close();
  }
}

/** SHA-256 in hexadecimal. */
export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");
