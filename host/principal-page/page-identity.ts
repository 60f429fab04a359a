import { type SigningIdentity, signingIdentity } from "../veracruz-client/identity.js";
import { webCryptoSigner } from "../veracruz-client/signers.js";
import { certificateBy } from "../x509/new-principal.js";

const ECDSA = { name: "ECDSA", namedCurve: "P-256" } as const;
const DAYS = 365;
const DATABASE = "veracruz";
const STORE = "identities";

/** A person in this browser: its certificate, and its key, which never leaves WebCrypto. */
export interface PageIdentity {
  readonly name: string;
  /** PEM */
  readonly certificate: string;
  readonly key: CryptoKey;
}

const ascii = (text: string) => new TextEncoder().encode(text);

/** Makes a key that cannot be exported, and a certificate for it. */
export async function newIdentity(name: string): Promise<PageIdentity> {
  const pair = await crypto.subtle.generateKey(ECDSA, false, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const signer = webCryptoSigner(pair.privateKey);
  const certificate = await certificateBy(name, spki, (content) => signer.sign(content), DAYS);
  return { name, certificate, key: pair.privateKey };
}

/**
 * Takes a person from files: certificate and private key in PEM (PKCS#8, not encrypted), in any order.
 *
 * @throws Error in words
 */
export async function identityFromFiles(texts: readonly string[]): Promise<PageIdentity> {
  const text = texts.join("\n");
  const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(text)?.[0];
  const [, key] = /-----BEGIN PRIVATE KEY-----([^-]*)-----END PRIVATE KEY-----/.exec(text) ?? [];
  if (certificate === undefined || key === undefined)
    throw new Error("expected a certificate and its private key (PKCS#8), both in PEM");
  const der = Uint8Array.from(atob(key.replace(/\s/g, "")), (c) => c.charCodeAt(0));
  let imported: CryptoKey;
  try {
    imported = await crypto.subtle.importKey("pkcs8", der, ECDSA, false, ["sign"]);
  } catch {
    throw new Error("the private key is not one on P-256 in PKCS#8");
  } finally {
    der.fill(0);
  }
  const identity = { name: "", certificate, key: imported };
  const { certificate: parsed } = signingIdentityOf(identity);
  return { ...identity, name: /^CN=(.*)$/m.exec(parsed.subject)?.[1] ?? "" };
}

/** The person, as the client takes it. @throws ClientError */
export function signingIdentityOf({ certificate, key }: PageIdentity): SigningIdentity {
  return signingIdentity(ascii(certificate), webCryptoSigner(key as never));
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "name" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>) {
  return open().then(
    (database) =>
      new Promise<T>((resolve, reject) => {
        const transaction = database.transaction(STORE, mode);
        const request = act(transaction.objectStore(STORE));
        transaction.oncomplete = () => {
          database.close();
          resolve(request.result);
        };
        transaction.onerror = () => reject(transaction.error);
      }),
  );
}

/** Persons that this browser keeps. */
export const keptIdentities = (): Promise<PageIdentity[]> =>
  run("readonly", (store) => store.getAll() as IDBRequest<PageIdentity[]>);

/** Keeps a person in this browser, with the key, which stays unexportable. */
export const keepIdentity = async (identity: PageIdentity): Promise<void> => {
  await run("readwrite", (store) => store.put(identity));
};
