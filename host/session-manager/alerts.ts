import * as alerts from "../../assembly/session-manager/alerts.js";

/** Names of TLS alerts by number (RFC 8446 §6). */
export const alertNames: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(alerts)
    .filter(([name]) => /^ALERT_(?!LEVEL_)/.test(name))
    .map(([name, number]) => [number, name.slice("ALERT_".length).toLowerCase()]),
);

/** An alert's name and number, for messages. */
export function describeAlert(alert: number): string {
  return `${alertNames[alert] ?? "unknown alert"} (${alert})`;
}

/** Reasons of refusals in words, by their code (`REFUSED_…`). */
const reasons: ReadonlyMap<number, string> = new Map(
  Object.entries(alerts)
    .filter(([name]) => name.startsWith("REFUSED_"))
    .map(([name, code]) => [
      code,
      name.slice("REFUSED_".length).toLowerCase().replaceAll("_", " "),
    ]),
);

/** The reason of a refusal and the alert that was sent for it: `record size limit: illegal_parameter (47)`. */
export function describeRefusal(refusal: number): string {
  const reason = reasons.get(refusal);
  const alert = describeAlert(refusal & alerts.REFUSAL_ALERT);
  return reason === undefined ? alert : `${reason}: ${alert}`;
}

/** What an isolate says of the end of a session, with names in place of its numbers. */
export function describeEnd(text: string): string {
  return text
    .replace(/^refused: (\d+)$/, (_, refusal) => `TLS refused, ${describeRefusal(Number(refusal))}`)
    .replace(
      /^(alert received: )(\d+)$/,
      (_, start, alert) => start + describeAlert(Number(alert)),
    );
}

/** Why a session ended in disorder. */
export class TlsError extends Error {
  override readonly name = "TlsError";
  /** The fatal alert that we sent, or that the peer sent; undefined if there was none. */
  readonly alertSent: number | undefined;
  readonly alertReceived: number | undefined;

  constructor(message: string, alertSent?: number, alertReceived?: number) {
    super(message);
    this.alertSent = alertSent;
    this.alertReceived = alertReceived;
  }
}
