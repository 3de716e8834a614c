/** What came in, from readings of counters. */
import type { Intake } from '../../shared/api/obsctl';

export type Signal = 'traces' | 'metrics' | 'logs';

export const SIGNALS: readonly { signal: Signal; unit: string }[] = [
  { signal: 'traces', unit: 'spans' },
  { signal: 'metrics', unit: 'points' },
  { signal: 'logs', unit: 'lines' },
];

export interface IntakeRate {
  signal: Signal;
  unit: string;
  /** Per second over the readings; null while there is one only. */
  received: number | null;
  /** Since the oldest reading; since the receiver started while there is one only. */
  refused: number;
  /** Since the receiver started. */
  total: number;
}

/** A counter that fell has started over. */
const rise = (before: number, after: number) => (after >= before ? after - before : after);

export function intakeRates(readings: readonly Intake[], newest: Intake): IntakeRate[] {
  return SIGNALS.flatMap(({ signal, unit }): IntakeRate[] => {
    const now = newest.signals[signal];
    if (!now) return [];
    const counted = readings.filter((reading) => reading.signals[signal] !== undefined);
    const total = now.received;
    const [oldest] = counted;
    const seconds = oldest ? newest.at - oldest.at : 0;
    if (seconds <= 0) return [{ signal, unit, received: null, refused: now.refused, total }];
    const risen = (of: 'received' | 'refused') =>
      counted.slice(1).reduce((sum, reading, at) => sum + rise(counted[at]!.signals[signal]![of], reading.signals[signal]![of]), 0);
    return [{ signal, unit, received: risen('received') / seconds, refused: risen('refused'), total }];
  });
}
