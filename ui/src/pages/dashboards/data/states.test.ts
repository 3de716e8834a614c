import { expect, test } from 'vitest';
import { readPanel } from '../grafana/read';
import { fieldOf } from './fields';
import type { Spot } from './frames';
import { pathsOf, placed, runsOf } from './states';

const field = fieldOf(
  readPanel({ fieldConfig: { defaults: { mappings: [{ type: 'value', options: { 0: { text: 'down', color: 'red' }, 1: { text: 'up', color: 'green' } } }] } } }, 'p'),
  { name: 'a' },
); // prettier-ignore
const spots = (...values: (number | null)[]): Spot[] => values.map((value, index) => [index * 1000, value]);
const runs = (merged: boolean, ...values: (number | null)[]) => runsOf(spots(...values), field, { step: 1000, end: 4500 }, { low: 0, high: 1 }, merged);

test('samples that are shown alike are one run, and a gap ends it', () => {
  const found = runs(true, 1, 1, null, 1, 0).map(({ from, until, text }) => [from, until, text]);
  expect(found).toEqual([[0, 2000, 'up'], [3000, 4000, 'up'], [4000, 4500, 'down']]); // prettier-ignore
});

test('a history has every sample', () => {
  expect(runs(false, 1, 1, 1)).toHaveLength(3);
});

test('runs are placed within the time that is shown, and what is outside of it is left away', () => {
  const shown = placed(runs(true, 1, 0, 1, 0, 1), { start: 1.5, end: 3 });
  expect(shown.map(({ left, width }) => [left, width].map((share) => Number(share.toFixed(3))))).toEqual([[0, 0.333], [0.333, 0.667]]); // prettier-ignore
});

test('one path draws all runs of a colour, however many there are', () => {
  const many = placed(runsOf(spots(...Array.from({ length: 20_000 }, (_, index) => index % 2)), field, { step: 1000, end: 2e7 }, { low: 0, high: 1 }, true), { start: 0, end: 20_000 });
  expect(many).toHaveLength(20_000);
  expect(pathsOf(many, 0).map(([color]) => color)).toEqual(['#e03131', '#2f9e44']);
});
