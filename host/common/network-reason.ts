/** Why a connection or a listening socket failed, in words. */
export function networkReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ECONNREFUSED":
      return "nobody listens there";
    case "ENOTFOUND":
      return "there is no such host";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no way leads there";
    case "ETIMEDOUT":
      return "no answer";
    case "EADDRINUSE":
      return "another program listens there";
    case "EADDRNOTAVAIL":
      return "this computer has no such address";
    case "EACCES":
      return "permission denied";
    default:
      return message;
  }
}
