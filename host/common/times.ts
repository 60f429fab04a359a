/** A time as people read it, to the minute and in UTC: `2026-12-31 23:59 UTC`. Programs get ISO 8601. */
export const minute = (time: Date | string | number): string =>
  `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
