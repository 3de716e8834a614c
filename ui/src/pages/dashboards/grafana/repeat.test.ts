import { expect, test } from 'vitest';
import type { Chosen } from './interpolate';
import { packed } from './layout';
import { ALL, type Panel } from './model';
import { readBoard, readVariable } from './read';
import { repeated, scopedTo } from './repeat';

const chosenOf = (value: readonly string[], all: readonly string[] = value): Readonly<Record<string, Chosen>> => ({
  job: { variable: readVariable({ name: 'job', type: 'custom', multi: true, includeAll: true, label: 'Job' }), value, all, waiting: false },
});
const panel = (id: number, gridPos: object, more: object = {}) => ({ id, type: 'stat', title: `p${id}`, gridPos, ...more });
const sections = (...panels: object[]) => readBoard({ title: 't', panels }).sections;
const places = (panels: readonly Panel[]) => packed(panels).map(({ panel: { key }, place: { x, y, w, h } }) => `${key} ${x},${y} ${w}x${h}`);

test('a panel stands once for each value, beside each other, and those below it move down', () => {
  const given = sections(panel(1, { x: 0, y: 0, w: 24, h: 4 }, { repeat: 'job', maxPerRow: 2 }), panel(2, { x: 0, y: 4, w: 24, h: 3 }));
  const { sections: found, notes } = repeated(given, chosenOf(['a', 'b', 'c']));
  expect(places(found[0]!.panels)).toEqual(['0-1:a 0,0 12x4', '0-1:b 12,0 12x4', '0-1:c 0,4 12x4', '1-2 0,8 24x3']);
  expect(found[0]!.panels.map((one) => one.scoped)).toEqual([{ job: ['a'] }, { job: ['b'] }, { job: ['c'] }, {}]);
  expect(notes).toEqual([]);
});

test('a panel that is repeated downwards keeps its width', () => {
  const given = sections(panel(1, { x: 6, y: 0, w: 6, h: 4 }, { repeat: 'job', repeatDirection: 'v' }), panel(2, { x: 0, y: 0, w: 6, h: 2 }));
  expect(places(repeated(given, chosenOf(['a', 'b'])).sections[0]!.panels)).toEqual(['0-2 0,0 6x2', '1-1:a 6,0 6x4', '1-1:b 6,4 6x4']);
});

test('“All” is every value, and a value that stands twice is one', () => {
  const given = sections(panel(1, {}, { repeat: 'job' }));
  expect(repeated(given, chosenOf([ALL], ['a', 'b', 'a'])).sections[0]!.panels.map((one) => one.key)).toEqual(['0-1:a', '0-1:b']);
});

test('a row is repeated with its panels, which are not repeated again by the same variable', () => {
  const row = { type: 'row', title: 'Of $job', repeat: 'job', gridPos: { x: 0, y: 0, w: 24, h: 1 } };
  const given = sections(row, panel(1, { x: 0, y: 1, w: 12, h: 4 }, { repeat: 'job' }));
  const found = repeated(given, chosenOf(['a', 'b'])).sections;
  expect(found.map((one) => [one.key, one.panels.map(({ key, scoped }) => [key, scoped])])).toEqual([
    ['row-0:a', [['1-1:a', { job: ['a'] }]]],
    ['row-0:b', [['1-1:b', { job: ['b'] }]]],
  ]);
  expect(found.map((one) => scopedTo(one, chosenOf(['a', 'b'])).job!.value)).toEqual([['a'], ['b']]);
});

test.each([
  ['nothing', chosenOf([]), []],
  ['a variable that is not there', {}, ['Panel “p1” is drawn once: it is repeated by “job”, which is no variable of the file.']],
])('a panel that is repeated by %s is drawn once', (_, chosen, notes) => {
  const found = repeated(sections(panel(1, {}, { repeat: 'job' })), chosen);
  expect(found.sections[0]!.panels.map((one) => one.key)).toEqual(['0-1']);
  expect(found.notes).toEqual(notes);
});

test.each([0, -3, 1e9, 'x', null, 2.5])('%j panels in a row leave each a place', (maxPerRow) => {
  const { sections: found } = repeated(sections(panel(1, {}, { repeat: 'job', maxPerRow })), chosenOf(Array.from({ length: 40 }, (_, index) => `v${index}`)));
  expect(found[0]!.panels).toHaveLength(40);
  for (const { x, w } of found[0]!.panels.map((one) => one.place)) expect(w > 0 && x >= 0 && x + w <= 24).toBe(true);
});

test('what is repeated too often is cut, and says so', () => {
  const values = Array.from({ length: 5000 }, (_, index) => `v${index}`);
  const given = sections({ type: 'row', title: 'R', repeat: 'job', gridPos: { y: 0 } }, ...Array.from({ length: 60 }, (_, index) => panel(index, { y: index + 1 })));
  const { sections: rows, notes } = repeated(given, chosenOf(values));
  expect(rows).toHaveLength(50);
  expect(notes).toEqual(['Row “R” is repeated for the first 50 of 5000 values: choose fewer of “Job”.']);
  const many = repeated(sections(...Array.from({ length: 100 }, (_, index) => panel(index, { y: index }, { repeat: 'job' }))), chosenOf(values));
  expect(many.sections[0]!.panels).toHaveLength(1000);
  expect(many.notes).toContain('What is above the first row is drawn with 1000 of its 5000 panels, which are repeated.');
});
