import { createPublicKey } from "node:crypto";
import { CliError, readUserText } from "../common/cli.js";
import { ClientError } from "../veracruz-client/errors.js";
import { commandSigner } from "../veracruz-client/signers.js";
import { certificateBy, newPrincipal } from "../x509/new-principal.js";
import { fingerprint, isP256, readCertificate } from "../x509/principal-certificate.js";
import { addPerson, checkName, defaultName, type Newcomer, people } from "./configuration.js";
import { Output, type OutputOptions } from "./output.js";
import { asParty } from "./session.js";

interface InitOptions extends OutputOptions {
  as?: string;
  days: number;
  signer?: string;
  publicKey?: string;
}

/** Somebody whose key is elsewhere: the signer signs the certificate as its first work. */
async function behindSigner(
  name: string,
  { signer, publicKey, days }: InitOptions,
): Promise<Newcomer> {
  if (signer === undefined || publicKey === undefined)
    throw new CliError("--signer and --public-key belong together");
  const pem = readUserText(publicKey, "public key");
  let spki: Uint8Array;
  try {
    const key = createPublicKey(pem);
    if (!isP256(key)) throw new Error("it is not on P-256");
    spki = new Uint8Array(key.export({ type: "spki", format: "der" }));
  } catch (error) {
    throw new CliError(`the public key ${JSON.stringify(publicKey)}: ${(error as Error).message}`);
  }
  const command = signer.trim().split(/\s+/);
  const certificate = await certificateBy(
    name,
    spki,
    (content) => commandSigner(command).sign(content),
    days,
  );
  const made = readCertificate(Buffer.from(certificate));
  if (!made.verify(made.publicKey))
    throw new ClientError("usage", "the signer has another key than --public-key");
  return { name, certificate, key: { signer: command } };
}

/** `veracruz init`: a key, and the contact that others need. */
export function init(options: InitOptions): Promise<void> {
  return asParty(async () => {
    const output = new Output(options);
    const name = checkName(options.as ?? defaultName());
    const isElsewhere = options.signer !== undefined || options.publicKey !== undefined;
    const newcomer =
      isElsewhere && !people().includes(name)
        ? await behindSigner(name, options)
        : await newPrincipal(name, options.days);
    const person = addPerson(newcomer);
    const contact = person.contact();
    output.say(contact);
    output.note(
      isElsewhere
        ? `${name}'s key stays where it is: ${options.signer} signs with it`
        : `${name}'s key stays here: ${person.keyPath}`,
    );
    output.note("Hand the contact to whoever makes the plan: nothing in it is secret");
    const certificate = readCertificate(Buffer.from(contact));
    output.answer({
      name,
      fingerprint: fingerprint(certificate.raw),
      validUntil: new Date(certificate.validTo).toISOString(),
      contact: person.contactPath,
      ...(isElsewhere ? { signer: options.signer } : { key: person.keyPath }),
    });
  });
}
