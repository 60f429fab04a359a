/** Status codes of the PSA Certified APIs (psa/error.h), those that this module returns. */

/** Values of `psa_status_t`. */
export const PSA_SUCCESS: i32 = 0;
export const PSA_ERROR_GENERIC_ERROR: i32 = -132;
export const PSA_ERROR_INVALID_ARGUMENT: i32 = -135;
export const PSA_ERROR_BAD_STATE: i32 = -137;
export const PSA_ERROR_BUFFER_TOO_SMALL: i32 = -138;
export const PSA_ERROR_INSUFFICIENT_STORAGE: i32 = -142;
