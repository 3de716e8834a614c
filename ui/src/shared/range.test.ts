import { expect, test } from 'vitest';
import { moment, presetName, resolve, seconds, stepFor } from './range';

const NOW = 1_800_000_000;

test.each([
  ['30s', 30],
  ['1h30m', 5400],
  ['2d', 172_800],
  ['', null],
  ['5x', null],
  ['1.5h', null],
])('%s are %s seconds', (text, value) => expect(seconds(text)).toBe(value));

test.each([
  ['now', NOW],
  ['now-1h', NOW - 3600],
  ['1800000000000', NOW],
  ['2027-01-15T08:00:00Z', NOW],
  ['yesterday', null],
  ['now-', null],
])('%s is %s', (text, value) => expect(moment(text, NOW)).toBe(value));

test('a range that ends before it begins shows the minute before its end', () =>
  expect(resolve('now', 'now-1h', NOW)).toEqual({ start: NOW - 3660, end: NOW - 3600 }));

test('what is no time is the default', () => expect(resolve('x', 'y', NOW)).toEqual({ start: NOW - 1800, end: NOW }));

test('steps are round and give a point for every two pixels', () => {
  expect(stepFor({ start: 0, end: 3600 }, 800)).toBe(10);
  expect(stepFor({ start: 0, end: 3600 }, 100)).toBe(120);
});

test('presets have names', () => expect([presetName('now-1h'), presetName('now-15m')]).toEqual(['Last 1 hour', 'Last 15 minutes']));
