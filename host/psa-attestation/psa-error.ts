/** Failures of the root of trust. In a file of their own, which loads no interpreter: a home without one imports them. */

/** PSA status codes that the module returns. */
export const PsaStatus = {
  GENERIC_ERROR: -132,
  INVALID_ARGUMENT: -135,
  BAD_STATE: -137,
  BUFFER_TOO_SMALL: -138,
  INSUFFICIENT_STORAGE: -142,
} as const;

const STATUS_NAMES: Record<number, string> = Object.fromEntries(
  Object.entries(PsaStatus).map(([name, status]) => [status, `PSA_ERROR_${name}`]),
);

/** The module answered with a status other than success. */
export class PsaError extends Error {
  override name = "PsaError";

  constructor(
    readonly status: number,
    call: string,
  ) {
    super(`${call}: ${STATUS_NAMES[status] ?? status}`);
  }
}
