// Which certificates a policy may hold: those with which a connection can succeed.
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { mayIssue } from "../x509/chain";
import {
  judgePrincipal,
  PRINCIPAL_OK,
  PRINCIPAL_WRONG_KEY,
  PRINCIPAL_WRONG_KEY_USAGE,
  PRINCIPAL_WRONG_PURPOSE,
} from "../x509/principal-certificate";
import { MAX_CERTIFICATE_BYTES } from "./policy";
import {
  POLICY_E_AUTHORITY,
  POLICY_E_CERTIFICATE,
  POLICY_E_CERTIFICATE_EXTENSION,
  POLICY_E_CERTIFICATE_KEY_USAGE,
  POLICY_E_CERTIFICATE_PURPOSE,
  POLICY_OK,
} from "./policy-error-codes";

// One object for all: one for each certificate would leave garbage between what a policy keeps.
const blank: Certificate = new Certificate();
const certificate: Certificate = new Certificate();

/** Whether the bytes are one X.509 certificate that can be read here. */
function read(der: StaticArray<u8>): bool {
  if ((der.length as u32) > MAX_CERTIFICATE_BYTES) return false;
  memory.copy(changetype<usize>(certificate), changetype<usize>(blank), offsetof<Certificate>());
  return certificate.parse(changetype<usize>(der), der.length as u32) === CERTIFICATE_OK;
}

/** Why no principal can connect with this certificate, whatever the time; `POLICY_OK` where one can. */
export function refusalOfPrincipal(der: StaticArray<u8>): i32 {
  if (!read(der)) return POLICY_E_CERTIFICATE;
  const judgement = judgePrincipal(certificate);
  if (judgement === PRINCIPAL_OK) return POLICY_OK;
  if (judgement === PRINCIPAL_WRONG_KEY) return POLICY_E_CERTIFICATE;
  if (judgement === PRINCIPAL_WRONG_KEY_USAGE) return POLICY_E_CERTIFICATE_KEY_USAGE;
  if (judgement === PRINCIPAL_WRONG_PURPOSE) return POLICY_E_CERTIFICATE_PURPOSE;
  return POLICY_E_CERTIFICATE_EXTENSION;
}

/** Why no certificate of an isolate can be verified under this one; `POLICY_OK` where it can. */
export function refusalOfAuthority(der: StaticArray<u8>): i32 {
  if (!read(der)) return POLICY_E_CERTIFICATE;
  return certificate.publicKey !== 0 && mayIssue(certificate, 0) ? POLICY_OK : POLICY_E_AUTHORITY;
}
