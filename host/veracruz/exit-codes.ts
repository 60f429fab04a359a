/** Exit code of `veracruz review` where nobody accepted; those of sending and fetching are in `failureKinds`. */
export const EXIT_NOT_ACCEPTED = 20;
