import { KnownKeys } from "../crypto/known-keys";
import { Policy } from "../veracruz-utils/policy";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { homeProfile } from "./home-profile";

/** The public keys of a policy's principals: signatures of theirs come in every handshake. */
export function principalKeys(policy: Policy): KnownKeys {
  const identities = policy.identities;
  const known = new KnownKeys(
    identities.length,
    homeProfile.keyTableBlocks,
    homeProfile.maxKeyTables,
  );
  const certificate = new Certificate();
  for (let i = 0; i < identities.length; i++) {
    const der = identities[i].certificate;
    const read = certificate.parse(changetype<usize>(der), der.length as u32) === CERTIFICATE_OK;
    if (read && certificate.publicKey !== 0) known.add(certificate.publicKey);
  }
  return known;
}
