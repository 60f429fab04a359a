import { Status } from "../transport-protocol/index.js";

/** Kinds of failure with the exit codes of `vc-client`: stable, so that scripts can tell them apart. */
export const failureKinds = {
  policy: { exitCode: 1, doc: "the policy is refused, or does not name this certificate" },
  usage: { exitCode: 2, doc: "wrong arguments or files" },
  connection: {
    exitCode: 3,
    doc: "the server cannot be reached, refuses, or the connection is lost",
  },
  isolate: { exitCode: 4, doc: "the isolate is not to be trusted: nothing secret was sent" },
  identity: { exitCode: 5, doc: "the isolate does not accept this principal's certificate" },
  role: { exitCode: 6, doc: "the policy does not allow that to this principal" },
  "not-ready": {
    exitCode: 7,
    doc: "files are missing, or the computation does not allow that now",
  },
  program: { exitCode: 8, doc: "the program was refused, trapped or ran into a limit" },
  "return-code": { exitCode: 9, doc: "the program returned another code than 0" },
  request: { exitCode: 10, doc: "the isolate refuses the request for another reason" },
} as const;

export type FailureKind = keyof typeof failureKinds;

/** Why something did not work, in one line, and of which kind that is. */
export class ClientError extends Error {
  override name = "ClientError";

  constructor(
    readonly kind: FailureKind,
    message: string,
    /** What the program returned, with kind `return-code`. */
    readonly returnCode: number = 0,
  ) {
    super(message);
  }
}

const kindOfStatus: Record<number, FailureKind> = {
  [Status.FAILED_INVALID_ROLE]: "role",
  [Status.FAILED_NOT_READY]: "not-ready",
  [Status.FAILED_GENERIC]: "request",
  [Status.FAILED_VM_ERROR]: "program",
  [Status.FAILED_ERROR_CODE_RETURNED]: "return-code",
  [Status.FAILED_INVALID_REQUEST]: "request",
};

const statusNames = Object.fromEntries(
  Object.entries(Status).map(([name, value]) => [value, name]),
);

/** The refusal of a request by the isolate. */
export function refusal(status: number, returnCode: number, text: string): ClientError {
  const code = status === Status.FAILED_ERROR_CODE_RETURNED ? ` ${returnCode}` : "";
  const name = `${statusNames[status] ?? `status ${status}`}${code}`;
  // The text comes from outside: nothing of it may steer a terminal.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const shown = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
  return new ClientError(
    kindOfStatus[status] ?? "request",
    shown === "" ? name : `${name}: ${shown}`,
    returnCode,
  );
}
