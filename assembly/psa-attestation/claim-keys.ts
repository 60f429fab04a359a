/** Keys of the claims of a PSA attestation token (RFC 9783 §4; the registry of CWT claims), and of CWT's confirmation (RFC 8747 §3.1). */
export const CLAIM_CONFIRMATION: i32 = 8;
export const CLAIM_NONCE: i32 = 10;
export const CLAIM_INSTANCE_ID: i32 = 256;
export const CLAIM_PROFILE: i32 = 265;
export const CLAIM_BOOT_SEED: i32 = 268;
export const CLAIM_CLIENT_ID: i32 = 2394;
export const CLAIM_SECURITY_LIFECYCLE: i32 = 2395;
export const CLAIM_IMPLEMENTATION_ID: i32 = 2396;
export const CLAIM_CERTIFICATION_REFERENCE: i32 = 2398;
export const CLAIM_SOFTWARE_COMPONENTS: i32 = 2399;
export const CLAIM_VERIFICATION_SERVICE: i32 = 2400;

/** Keys within a software component (§4.4.1). */
export const COMPONENT_MEASUREMENT_TYPE: i32 = 1;
export const COMPONENT_MEASUREMENT_VALUE: i32 = 2;
export const COMPONENT_VERSION: i32 = 4;
export const COMPONENT_SIGNER_ID: i32 = 5;
export const COMPONENT_MEASUREMENT_DESCRIPTION: i32 = 6;

/** Header parameter of COSE for a CWT that holds the signer's key (`kcwt`, RFC 9528 §10.3). */
export const HEADER_KCWT: i32 = 13;

/** Within a confirmation, its key (RFC 8747 §3.2); within that key (RFC 9052 §7.1, RFC 9053 §7.1.1). */
export const CONFIRMATION_COSE_KEY: i32 = 1;
export const KEY_TYPE: i32 = 1;
export const KEY_ALGORITHM: i32 = 3;
export const KEY_OPERATIONS: i32 = 4;
export const KEY_CURVE: i32 = -1;
export const KEY_X: i32 = -2;
export const KEY_Y: i32 = -3;
/** Values there: a key with two coordinates, ES256, to verify with, P-256. */
export const KEY_TYPE_EC2: i32 = 2;
export const ALGORITHM_ES256: i32 = -7;
export const OPERATION_VERIFY: i32 = 2;
export const CURVE_P256: i32 = 1;
