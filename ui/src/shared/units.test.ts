import { describe, expect, test } from 'vitest';
import { duration, format, short } from './units';

describe('units', () => {
  test.each([
    [0, '0 s'],
    [0.0000005, '500 ns'],
    [0.00123, '1.23 ms'],
    [59.9, '59.9 s'],
    [90, '1.5 min'],
    [7200, '2 h'],
    [172_800, '2 d'],
    [-0.25, '-250 ms'],
  ])('%d seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  test.each([
    [1536, 'bytes', '1.5 KiB'],
    [0.1234, 'percentunit', '12.3 %'],
    [12_345, 'reqps', '12.3k req/s'],
    [12_345, 'short', '12.3 k'],
    [Infinity, 'short', '∞'],
    [NaN, 'short', '–'],
    [3, 'suffix:orders', '3 orders'],
  ])('%d as %s is %s', (value, unit, text) => expect(format(value, unit)).toBe(text));

  test('no value is a dash', () => expect(format(null)).toBe('–'));
  test('three digits are enough', () => expect(short(123.456)).toBe('123'));
});
