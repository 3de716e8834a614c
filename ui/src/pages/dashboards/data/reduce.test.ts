import { expect, test } from 'vitest';
import { readPanel } from '../grafana/read';
import type { Frame } from './frames';
import { columnsFor, reduced, shareOf } from './reduce';

const panelOf = (defaults: unknown, options: unknown = {}) => readPanel({ type: 'gauge', fieldConfig: { defaults }, options }, 'p');
const frame = (name: string, ...values: (number | null)[]): Frame => ({
  refId: 'A', name, labels: { job: name }, spots: values.map((value, index) => [index * 1000, value] as const), target: readPanel({ targets: [{}] }, 't').targets[0]!,
}); // prettier-ignore

test.each([
  ['limits of the file', { min: 10, max: 30 }, { low: 10, high: 30 }],
  ['a whole for percentages', { unit: 'percentunit' }, { low: 0, high: 40 }],
  ['from zero to the highest of all', {}, { low: 0, high: 40 }],
  ['limits that are none', { min: 'x', max: [] }, { low: 0, high: 40 }],
  ['limits the wrong way around', { min: 50, max: 20 }, { low: 50, high: 51 }],
])('a scale has %s', (_, defaults, scale) => {
  expect(reduced(panelOf(defaults), [frame('a', 20, 40), frame('b', 5)])[0]!.scale).toEqual(scale);
});

test('a share of a scale is between nothing and all', () => {
  const scale = { low: 0, high: 10 };
  expect([null, -5, 0, 5, 50, Infinity, NaN].map((value) => shareOf(value, scale))).toEqual([0, 0, 0, 0.5, 1, 1, 0]);
});

test('thresholds that are shares are shares of the scale', () => {
  const thresholds = { mode: 'percentage', steps: [{ value: null, color: '#00ff00' }, { value: 80, color: '#ff0000' }] };
  const [low, high] = reduced(panelOf({ thresholds }), [frame('a', 100), frame('b', 170, 200)]);
  expect([low!.color, high!.color]).toEqual(['#00ff00', '#ff0000']);
});

test('a scheme of colours goes from the lowest to the highest, and a palette has one for each', () => {
  const frames = [frame('a', 0), frame('b', 10)];
  expect(reduced(panelOf({ color: { mode: 'continuous-GrYlRd' } }), frames).map((one) => one.color)).toEqual(['#2f9e44', '#e03131']);
  expect(new Set(reduced(panelOf({ color: { mode: 'palette-classic' } }), frames).map((one) => one.color)).size).toBe(2);
});

test('all values are shown where the panel asks for them, as many as it says', () => {
  const panel = panelOf({}, { reduceOptions: { values: true, limit: 3 } });
  expect(reduced(panel, [frame('a', 1, null, 2), frame('b', 3, 4)]).map((one) => one.value)).toEqual([1, 2, 3]);
});

test('a name may be made of labels', () => {
  const named = (displayName: string) => reduced(panelOf({ displayName }), [frame('web', 1)])[0]!.name;
  expect(['${__field.labels.job} up', '${__field.labels["job"]}', '${__series.name}', '${__field.labels.constructor}', '$1'].map(named)).toEqual(['web up', 'web', 'web', 'web', '$1']);
});

test.each([
  [1, 400, 200, 1],
  [4, 800, 100, 4],
  [4, 200, 800, 1],
  [60, 600, 300, 8],
])('%i boxes in %i by %i pixels stand in %i columns', (count, width, height, columns) => {
  expect(columnsFor(count, width, height, 'auto')).toBe(columns);
});
