import { expect, test } from 'vitest';
import { colorOf, inkOn, knownScheme, schemeColor } from './colors';

test.each([
  ['green', '#2f9e44'],
  ['#abc', '#abc'],
  ['rgba(1, 2, 3, 0.5)', 'rgba(1, 2, 3, 0.5)'],
  ['text', undefined],
  ['constructor', undefined],
  ['url(https://elsewhere)', undefined],
])('%s is %s', (name, color) => {
  expect(colorOf(name)).toBe(color);
});

test.each([
  ['#ffffff', '#000'],
  ['#000000', '#fff'],
  ['#fade2a', '#000'],
  ['#b02525', '#fff'],
  ['#ffff', '#000'],
  ['rgb(250, 250, 250)', '#000'],
  ['hsl(1 2% 3%)', '#fff'],
])('on %s, %s can be read', (ground, ink) => {
  expect(inkOn(ground)).toBe(ink);
});

test('a scheme has a colour for every share, also for those that are none', () => {
  expect([0, 0.5, 1, 2, -1, NaN].map((share) => schemeColor('continuous-GrYlRd', share))).toEqual(['#2f9e44', '#d9a404', '#e03131', '#e03131', '#2f9e44', '#2f9e44']);
  expect(schemeColor('constructor', 0.5)).toBeUndefined();
  expect([knownScheme('continuous-nothing'), knownScheme('thresholds')]).toEqual([false, true]);
});
