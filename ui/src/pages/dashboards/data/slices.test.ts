import { expect, test } from 'vitest';
import { arc, slice } from '../panels/arcs';
import { slicesOf } from './slices';

const portion = (value: number | null) => ({ key: String(value), name: String(value), value, text: String(value), color: '#fff' });

test('slices are shares of what is above zero, and what is below is counted', () => {
  const { slices, below } = slicesOf([1, 3, null, -2, 0, Infinity].map(portion));
  expect(slices.map(({ from, until, percent }) => [from, until, percent])).toEqual([[0, 0.25, '25 %'], [0.25, 1, '75 %']]); // prettier-ignore
  expect(below).toBe(1);
});

test('nothing is no slice, and a whole is a circle that can be seen', () => {
  expect(slicesOf([0, null].map(portion)).slices).toEqual([]);
  expect(slice(0, 1, 48, 0, { x: 50, y: 50 })).toMatch(/^M 50\.00 2\.00 A 48 48 0 1 1 (?!50\.00 )[\d.]+ [\d.]+ L 50 50 Z$/);
});

test('an arc of nothing ends where it begins', () => {
  expect(arc(0.5, 0.25, 10, { x: 0, y: 0 })).toBe('M 0.00 10.00 A 10 10 0 0 1 0.00 10.00');
});
