/** The time of a log line in the reader's own zone, with milliseconds. */
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false });

export const clock = (at: bigint): string => CLOCK.format(Number(at / 1_000_000n));

export const utc = (at: bigint): string => `${new Date(Number(at / 1_000_000n)).toISOString().slice(0, -1)}${String(at % 1_000_000n).padStart(6, '0')} UTC`;
