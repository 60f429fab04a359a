import {
  BYTES,
  CborError,
  content,
  decodeItem,
  type Item,
  integerEntries,
  MAP,
  scan,
  TEXT,
  UNSIGNED,
} from "../psa-attestation/cbor.js";
import { CoseError, parseSign1, verifySign1, X5CHAIN } from "../psa-attestation/cose.js";
import type { Refusal } from "../psa-attestation/verifier.js";
import { MAX_STATEMENT_BYTES } from "../transport-protocol/index.js";
import {
  type CertificateRule,
  type SignerDemand,
  verifyServiceCertificate,
} from "../x509/read-certificate.js";

/** Reads what the proxy attestation server has signed: COSE_Sign1 with its signer's certificate. */

/** Why a statement is refused before what it says is looked at. */
export type SignedRule = CertificateRule | "statement-malformed" | "statement-signature";

/** Bytes that are no statement. */
export class StatementError extends Error {
  override name = "StatementError";
}

/** Whether an error says that bytes are no statement. */
export function isStatementFault(error: unknown): error is Error {
  return (
    error instanceof StatementError || error instanceof CborError || error instanceof CoseError
  );
}

/** The entries of a statement's payload, each to be read as what it must be. */
export class StatementEntries {
  private readonly entries: Map<number, Item>;

  /** @throws StatementError, CborError */
  constructor(private readonly payload: Uint8Array) {
    const map = scan(payload);
    if (map.major !== MAP) throw new StatementError("the payload is not a map");
    this.entries = integerEntries(map);
  }

  private take(key: number, major: number, what: string): Item {
    const item = this.entries.get(key);
    if (item?.major !== major) throw new StatementError(`${what} is missing or of a wrong type`);
    return item;
  }

  bytes(key: number, what: string): Uint8Array {
    return content(this.payload, this.take(key, BYTES, what));
  }

  text(key: number, what: string): string {
    return decodeItem(this.payload, this.take(key, TEXT, what)) as string;
  }

  unsigned(key: number, what: string): number {
    const value = Number(this.take(key, UNSIGNED, what).argument);
    if (!Number.isSafeInteger(value)) throw new StatementError(`${what} is too large`);
    return value;
  }
}

/**
 * Checks who signed a statement, then hands its entries to `judge`. Never throws for anything in the statement.
 *
 * @throws when the CA's certificate itself cannot be read
 */
export function readStatement<T, R extends string>(
  statement: Uint8Array,
  demand: SignerDemand,
  judge: (entries: StatementEntries) => T | Refusal<R>,
): T | Refusal<R | SignedRule> {
  const refuse = (rule: SignedRule, detail: string): Refusal<SignedRule> => ({
    ok: false,
    rule,
    detail,
  });
  if (statement.length > MAX_STATEMENT_BYTES)
    return refuse("statement-malformed", `${statement.length} bytes`);
  try {
    const message = parseSign1(statement);
    const chain = message.unprotected.get(X5CHAIN);
    if (chain?.major !== BYTES)
      return refuse("statement-malformed", "no certificate of the signer in it");
    const signer = verifyServiceCertificate(content(statement, chain), demand);
    if (!signer.ok) return signer;
    if (!verifySign1(message, signer.publicKey))
      return refuse("statement-signature", "not signed by the attestation server's key");
    return judge(new StatementEntries(message.payload));
  } catch (error) {
    if (isStatementFault(error)) return refuse("statement-malformed", error.message);
    throw error;
  }
}
