/**
 * Signed requests for a session: HTTP Message Signatures (RFC 9421) in one fixed form, so that a server
 * lets principals in before strangers. It proves nothing to the isolate, and no secret depends on it.
 *
 * Covered: method, authority, target, the policy's hash, what the request is for (`content-digest` of a
 * POST, RFC 9530; `veracruz-client-nonce` of a stream), and as parameters the principal's key id and the
 * server's nonce. Nothing here needs more than a text: the same file serves browsers.
 */

/** The algorithm's name in HTTP signatures (RFC 9421 §3.3.4). */
export const SIGNATURE_ALGORITHM = "ecdsa-p256-sha256";
/** The label of the signature in `signature-input` and `signature`. */
const LABEL = "vc";
/** The header that names a computation: SHA-256 of its policy, hexadecimal. Unsigned requests may have it, too. */
export const POLICY_HEADER = "veracruz-policy";
/** Where the server's nonce is read, as 32 hexadecimal digits. */
export const NONCE_PATH = "/healthz/nonce";

/** What a principal signs of a request that opens a session (RFC 9421 §2.5). */
export interface AdmissionRequest {
  readonly method: string;
  /** As in `Host`. */
  readonly authority: string;
  /** As in the request line. */
  readonly target: string;
  /** SHA-256 of the policy, hexadecimal. */
  readonly policyHash: string;
  /** SHA-256 over the nonce's text and the certificate's DER, hexadecimal: only the server can tell whose. */
  readonly keyId: string;
  readonly nonce: string;
  /** What the request is for: name and value of the header that says it. */
  readonly bound: readonly ["content-digest" | "veracruz-client-nonce", string];
}

/** The covered components and the parameters, as in `signature-input` behind its label. */
function parametersOf({ bound, keyId, nonce }: AdmissionRequest): string {
  const components = `"@method" "@authority" "@request-target" "veracruz-policy" "${bound[0]}"`;
  return `(${components});keyid="${keyId}";alg="${SIGNATURE_ALGORITHM}";nonce="${nonce}"`;
}

/** The signature base (RFC 9421 §2.5): what is signed, as ASCII. */
export function signatureBase(request: AdmissionRequest): string {
  const { method, authority, target, policyHash, bound } = request;
  return [
    `"@method": ${method}`,
    `"@authority": ${authority.toLowerCase()}`,
    `"@request-target": ${target}`,
    `"veracruz-policy": ${policyHash}`,
    `"${bound[0]}": ${bound[1]}`,
    `"@signature-params": ${parametersOf(request)}`,
  ].join("\n");
}

/**
 * The headers of a signed request.
 *
 * @param signature r ‖ s, 64 bytes in base64
 */
export function admissionHeaders(
  request: AdmissionRequest,
  signature: string,
): Record<string, string> {
  return {
    [POLICY_HEADER]: request.policyHash,
    [request.bound[0]]: request.bound[1],
    "signature-input": `${LABEL}=${parametersOf(request)}`,
    signature: `${LABEL}=:${signature}:`,
  };
}

const INPUT =
  /^vc=\("@method" "@authority" "@request-target" "veracruz-policy" "(content-digest|veracruz-client-nonce)"\);keyid="([0-9a-f]{64})";alg="ecdsa-p256-sha256";nonce="([0-9a-f]{32})"$/;
const SIGNATURE = /^vc=:([A-Za-z0-9+/]{86}==):$/;
const VALUE = /^[ -~]{1,200}$/;

/** Header fields of a request, names in lower case. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a signed request claims. */
export interface AdmissionClaim {
  readonly request: AdmissionRequest;
  /** Base64. */
  readonly signature: string;
}

/**
 * Reads the headers of a request; undefined when it is not signed.
 *
 * @throws Error in one line when they are not of the form above
 */
export function readAdmission(
  headers: Headers,
  method: string,
  target: string,
): AdmissionClaim | undefined {
  if (headers["signature-input"] === undefined && headers.signature === undefined) return undefined;
  const [, name, keyId = "", nonce = ""] = INPUT.exec(String(headers["signature-input"])) ?? [];
  const [, signature = ""] = SIGNATURE.exec(String(headers.signature)) ?? [];
  const policyHash = String(headers[POLICY_HEADER]);
  const authority = String(headers.host);
  if (name === undefined) throw new Error("signature-input is not of the form expected here");
  if (signature === "") throw new Error("expected signature: vc=:BASE64:, of 64 bytes");
  const value = String(headers[name]);
  if (!VALUE.test(value) || !VALUE.test(authority)) throw new Error(`no ${name} or host`);
  const bound = [name as AdmissionRequest["bound"][0], value] as const;
  return { request: { method, authority, target, policyHash, keyId, nonce, bound }, signature };
}
