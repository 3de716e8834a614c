/** A moment in the reader's own zone; UTC on hover. */
import { Tooltip } from '@mantine/core';

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** `milliseconds` since 1970. `short` leaves the day out where it is today. */
export function Time({ milliseconds, short = false }: { milliseconds: number; short?: boolean }) {
  if (!Number.isFinite(milliseconds)) return <>–</>;
  const date = new Date(milliseconds);
  const today = date.toDateString() === new Date().toDateString();
  return (
    <Tooltip label={date.toISOString().replace('T', ' ').replace('Z', ' UTC')} openDelay={200}>
      <time dateTime={date.toISOString()}>{(short && today ? CLOCK : LOCAL).format(date)}</time>
    </Tooltip>
  );
}

/** `3 min ago`. */
export function ago(milliseconds: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - milliseconds) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}
