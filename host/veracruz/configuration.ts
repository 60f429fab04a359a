/**
 * What the command `veracruz` keeps of its user, below one folder:
 *
 * | path | what |
 * |---|---|
 * | `people/NAME/key.pem` | private key, mode 600; or |
 * | `people/NAME/signer.json` | the command that signs with a key that is elsewhere |
 * | `people/NAME/contact.pem` | certificate, to hand to others |
 * | `people/NAME/accepted/HASH.json` | a policy that NAME has accepted, byte for byte |
 * | `people/NAME/ended/HASH` | NAME's part in that computation is over |
 * | `attestation/` | this user's own attestation server: CA, device key, database |
 * | `running/` | servers that `veracruz up` has started: a socket and a log each |
 */

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { CliError, readUserFile, readUserText } from "../common/cli.js";
import { makeFolder } from "../common/folders.js";
import { readSecretFile, writeNewFile } from "../common/secret-files.js";
import {
  loadIdentity,
  type PrincipalIdentity,
  type SigningIdentity,
  signingIdentity,
} from "../veracruz-client/identity.js";
import { commandSigner } from "../veracruz-client/signers.js";
import { Policy } from "../veracruz-utils/policy.js";
import { fingerprint, readCertificate } from "../x509/principal-certificate.js";

const PRIVATE = 0o700;
const SIGNER = "signer.json";

/** Somebody who gets a place here: with a key in PEM, or the command that signs with it. */
export interface Newcomer {
  name: string;
  /** PEM */
  certificate: string;
  key: string | { signer: readonly string[] };
}

/** The folder for everything: `veracruz` in `$XDG_CONFIG_HOME` if that is an absolute path, else in `~/.config`. */
export function configurationFolder(): string {
  const base = process.env.XDG_CONFIG_HOME ?? "";
  return join(isAbsolute(base) ? base : join(homedir(), ".config"), "veracruz");
}

/** A folder of the configuration, made for its owner only where it is missing. */
export function folderOf(...parts: string[]): string {
  const folder = join(configurationFolder(), ...parts);
  makeFolder(folder, PRIVATE);
  return folder;
}

const peopleFolder = () => join(configurationFolder(), "people");

/** Whether a text can name a person here: it becomes a folder, and the common name of a certificate. */
export function checkName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(name)) return name;
  throw new CliError(
    `${JSON.stringify(name)} cannot be a name here: expected up to 64 letters, digits, and . _ @ -, a letter or digit first`,
  );
}

/** The name that `veracruz init` gives unless told another. */
export function defaultName(): string {
  const { username } = userInfo();
  return checkName(username.replace(/[^A-Za-z0-9._@-]/g, "-"));
}

/** Persons who have a key here, in order. */
export function people(): string[] {
  if (!existsSync(peopleFolder())) return [];
  return readdirSync(peopleFolder())
    .filter((name) => existsSync(join(peopleFolder(), name, "contact.pem")))
    .filter((name) => !name.startsWith("."))
    .sort();
}

/** The person that is meant: the one who is named, or the only one there is. */
export function personCalled(name: string | undefined): Person {
  const all = people();
  if (name !== undefined) {
    if (all.includes(checkName(name))) return new Person(name);
    throw new CliError(
      `there is no ${name} here${all.length > 0 ? ` (but ${all.join(", ")})` : ""}: veracruz init --as ${name} makes the key`,
    );
  }
  const [only, second] = all;
  if (only === undefined) throw new CliError("there is no key yet: veracruz init makes one");
  if (second !== undefined) {
    throw new CliError(`several persons use this computer: say --as with one of ${all.join(", ")}`);
  }
  return new Person(only);
}

/** A person with a key on this computer. */
export class Person {
  private readonly folder: string;

  constructor(readonly name: string) {
    this.folder = join(peopleFolder(), name);
  }

  get contactPath(): string {
    return join(this.folder, "contact.pem");
  }

  get keyPath(): string {
    return join(this.folder, "key.pem");
  }

  /** Text with the certificate, for others. */
  contact(): string {
    return readUserText(this.contactPath, "contact");
  }

  /** Certificate and key, or signer, checked. @throws CliError, ClientError */
  identity(): PrincipalIdentity | SigningIdentity {
    const contact = readUserFile(this.contactPath, "contact");
    const signerPath = join(this.folder, SIGNER);
    if (!existsSync(signerPath)) return loadIdentity(contact, readSecretFile(this.keyPath, "key"));
    const command: unknown = JSON.parse(readSecretFile(signerPath, "signer"));
    if (!Array.isArray(command) || !command.every((word) => typeof word === "string"))
      throw new CliError(
        `${JSON.stringify(signerPath)} holds no command: expected a list of texts`,
      );
    return signingIdentity(contact, commandSigner(command));
  }

  /** Keeps a policy as accepted. Once is enough; nothing of an earlier acceptance changes. */
  accept(policy: Policy): void {
    const hash = policy.hash.toString("hex");
    makeFolder(join(this.folder, "accepted"), PRIVATE);
    const path = this.acceptedPath(hash);
    if (!existsSync(path)) writeNewFile(path, Buffer.from(policy.bytes).toString("utf8"));
  }

  hasAccepted(policy: Policy): boolean {
    return existsSync(this.acceptedPath(policy.hash.toString("hex")));
  }

  /** Notes that this person's part in a computation is over. */
  end(policy: Policy): void {
    makeFolder(join(this.folder, "ended"), PRIVATE);
    const path = join(this.folder, "ended", policy.hash.toString("hex"));
    if (!existsSync(path)) writeNewFile(path, "");
  }

  /** What was accepted and is not over, the latest first. */
  open(): Policy[] {
    return this.accepted()
      .filter(({ hash }) => !existsSync(join(this.folder, "ended", hash)))
      .map(({ path }) => new Policy(readUserFile(path, "accepted policy")))
      .filter(({ expiry }) => expiry > new Date());
  }

  /**
   * The accepted policy that is meant: by a file with it, by the beginning of its hash, or as the only one.
   *
   * @throws CliError
   */
  policyFor(given: string | undefined): Policy {
    if (given !== undefined && existsSync(given)) {
      const policy = new Policy(readUserFile(given, "policy"));
      if (this.hasAccepted(policy)) return policy;
      throw new CliError(
        `${this.name} has not accepted the policy ${JSON.stringify(given)}: veracruz review ${given} shows it, and asks`,
      );
    }
    if (given !== undefined) return this.byHash(given);
    const [only, second] = this.open();
    if (only === undefined) {
      throw new CliError(
        `${this.name} has accepted no policy whose computation is not over: veracruz review POLICY shows one, and asks`,
      );
    }
    if (second !== undefined) {
      const hashes = this.open().map(({ hash }) => hash.toString("hex").slice(0, 12));
      throw new CliError(
        `${this.name} takes part in several computations: say --policy with a file, or one of ${hashes.join(", ")}`,
      );
    }
    return only;
  }

  private byHash(text: string): Policy {
    const digits = text.toLowerCase();
    const found = /^[0-9a-f]{6,64}$/.test(digits)
      ? this.accepted().filter(({ hash }) => hash.startsWith(digits))
      : [];
    const [only, second] = found;
    if (only === undefined) {
      throw new CliError(
        `--policy ${JSON.stringify(text)}: expected a policy's file, or the first 6 or more digits of the hash of one that ${this.name} has accepted`,
      );
    }
    if (second !== undefined) throw new CliError(`--policy ${text}: several hashes begin so`);
    return new Policy(readUserFile(only.path, "accepted policy"));
  }

  private acceptedPath(hash: string): string {
    return join(this.folder, "accepted", `${hash}.json`);
  }

  private accepted(): { hash: string; path: string }[] {
    const folder = join(this.folder, "accepted");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((file) => /^[0-9a-f]{64}\.json$/.test(file))
      .map((file) => ({ hash: file.slice(0, 64), path: join(folder, file) }))
      .map((each) => ({ ...each, at: statSync(each.path).mtimeMs }))
      .sort((a, b) => b.at - a.at);
  }
}

/** What others get: a certificate, with words that say whose it is. */
export function contactText({ name, certificate }: Newcomer): string {
  const hash = fingerprint(readCertificate(Buffer.from(certificate)).raw);
  return `Veracruz contact of ${name}\nSHA-256 ${hash}\n${certificate}`;
}

/**
 * Keeps a new person's key and contact. They appear together or not at all.
 *
 * @throws CliError when there is one of that name
 */
export function addPerson(principal: Newcomer): Person {
  const taken = () =>
    new CliError(
      `${principal.name} has a key here already, and it is left as it is: ${new Person(principal.name).contactPath} is the contact`,
      1,
    );
  if (people().includes(principal.name)) throw taken();
  const draft = join(folderOf("people"), `.${principal.name}.${randomBytes(8).toString("hex")}`);
  mkdirSync(draft, { mode: PRIVATE });
  try {
    const { key } = principal;
    if (typeof key === "string") writeNewFile(join(draft, "key.pem"), key);
    else writeNewFile(join(draft, SIGNER), `${JSON.stringify(key.signer)}\n`);
    writeNewFile(join(draft, "contact.pem"), contactText(principal), 0o644);
    renameSync(draft, join(peopleFolder(), principal.name));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (error instanceof CliError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ENOTEMPTY" || code === "EEXIST"
      ? taken()
      : new CliError(`cannot keep the key: ${(error as Error).message}`, 1);
  }
  return new Person(principal.name);
}
