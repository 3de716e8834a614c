import { expect, test } from 'vitest';
import type { Intake } from '../../shared/api/obsctl';
import { withReading } from './data';
import { intakeRates } from './intake';

const reading = (at: number, received: number, refused = 0): Intake => ({ at, signals: { traces: { received, refused } }, losses: [], supported: true });

test('one reading gives totals and no rate', () =>
  expect(intakeRates([reading(0, 7, 2)], reading(0, 7, 2))).toEqual([{ signal: 'traces', unit: 'spans', received: null, refused: 2, total: 7 }]));

test('the rate is that between the readings, also over a start of the receiver', () => {
  const readings = [reading(0, 100, 5), reading(5, 150, 5), reading(10, 30, 1)];
  expect(intakeRates(readings, readings[2]!)).toEqual([{ signal: 'traces', unit: 'spans', received: 8, refused: 1, total: 30 }]);
});

test('readings of the last minute are kept, each once', () => {
  const kept = [reading(0, 1), reading(30, 2)];
  expect(withReading(kept, reading(30, 2))).toEqual(kept);
  expect(withReading(kept, reading(65, 3)).map((one) => one.at)).toEqual([30, 65]);
});
