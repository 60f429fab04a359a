/** PEM, which only host code knows (RFC 7468). */

/** The DER of all certificates in PEM text, in order. Throws when there is none, or one is malformed. */
export function certificatesFromPem(text: string): Buffer[] {
  const found = [...text.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g)];
  if (found.length === 0) throw new Error("no certificate in PEM found");
  return found.map(([, body], index) => {
    const base64 = (body ?? "").replace(/\s/g, "");
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0)
      throw new Error(`certificate ${index + 1} is not base64`);
    return Buffer.from(base64, "base64");
  });
}

/** DER as PEM text with this label, such as `CERTIFICATE REQUEST`. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
