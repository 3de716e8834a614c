import { expect, test } from 'vitest';
import { grid, volumeOf } from './volume';

test('steps end at multiples of the step and cover the range', () => {
  expect(grid({ start: 95, end: 141 }, 10)).toEqual({ first: 100, last: 150 });
  expect(grid({ start: 100, end: 140 }, 10)).toEqual({ first: 110, last: 140 });
});

test('counts stand on one grid, the worst level first; either name of the level counts', () => {
  const volume = volumeOf(
    [
      { metric: { level: 'info' }, values: [[110, '3'], [130, '1']] },
      { metric: { detected_level: 'err', level: 'info' }, values: [[120, '2'], [999, '7']] },
      { metric: {}, values: [[110, '1']] },
      { metric: { detected_level: 'information' }, values: [[110, '1']] },
    ],
    { start: 100, end: 130 },
    10,
  ); // prettier-ignore
  expect(volume).toEqual({
    times: [110, 120, 130],
    counts: [
      { level: 'error', values: [0, 2, 0] },
      { level: 'info', values: [4, 0, 1] },
      { level: 'unknown', values: [1, 0, 0] },
    ],
    total: 8,
  });
});
