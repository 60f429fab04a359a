import { Status } from "../transport-protocol/index.js";

/** Kinds of failure with the exit codes of `vc-client`: stable, so that scripts can tell them apart. */
export const failureKinds = {
  policy: { exitCode: 1, doc: "the policy is refused, or does not name this certificate" },
  usage: { exitCode: 2, doc: "wrong arguments or files" },
  connection: {
    exitCode: 3,
    doc: "the server cannot be reached or refuses, or the connection is lost",
  },
  isolate: { exitCode: 4, doc: "the isolate cannot be trusted; nothing secret was sent" },
  identity: { exitCode: 5, doc: "the isolate does not accept this principal's certificate" },
  role: { exitCode: 6, doc: "the policy does not allow this principal to do that" },
  "not-ready": {
    exitCode: 7,
    doc: "files are missing, or the computation does not allow that now",
  },
  program: { exitCode: 8, doc: "the program was refused, trapped or ran into a limit" },
  "return-code": { exitCode: 9, doc: "the program returned a code other than 0" },
  request: { exitCode: 10, doc: "the isolate refused the request for another reason" },
  restart: {
    exitCode: 11,
    doc: "the computation was begun with another isolate than this one: nothing was sent to it",
  },
  round: { exitCode: 12, doc: "another reader has ended the round meanwhile" },
} as const;

/** Why something failed: a key of the table above. */
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
  [Status.FAILED_OTHER_ROUND]: "round",
};

const statusNames = Object.fromEntries(
  Object.entries(Status).map(([name, value]) => [value, name]),
);

/** What can be done about limits that people meet, by the isolate's words. */
const remedies: readonly (readonly [words: RegExp, remedy: string])[] = [
  [
    /bytes does not fit: \d+ bytes are free$/,
    "on a computer, vc-server --isolate-memory (or vc-isolate --memory, where it is started apart) gives the isolate more",
  ],
  [
    /bytes is larger than the policy's limit of \d+$/,
    "a policy made with vc-pgen --max-file allows more",
  ],
];

/** The refusal of a request by the isolate. */
export function refusal(status: number, returnCode: number, text: string): ClientError {
  const code = status === Status.FAILED_ERROR_CODE_RETURNED ? ` ${returnCode}` : "";
  const name = `${statusNames[status] ?? `status ${status}`}${code}`;
  // The text comes from outside: nothing of it may steer a terminal.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const shown = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
  const [, remedy] = remedies.find(([words]) => words.test(shown)) ?? [];
  return new ClientError(
    kindOfStatus[status] ?? "request",
    [name, shown === "" ? [] : `: ${shown}`, remedy === undefined ? [] : `; ${remedy}`]
      .flat()
      .join(""),
    returnCode,
  );
}
