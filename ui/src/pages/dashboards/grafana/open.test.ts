import { expect, test } from 'vitest';
import drawable from '../drawable.json';
import { lacks } from '../drawable';
import V1 from '../files/every-panel.v1.json?raw';
import V2 from '../files/every-panel.v2.json?raw';
import { packed } from './layout';
import type { Board } from './model';
import { openFile } from './open';
import { repeated } from './repeat';
import { circular } from './variables';

const opened = (content: unknown): Board => {
  const board = openFile(typeof content === 'string' ? content : JSON.stringify(content), 'mine.json');
  if (typeof board === 'string') throw new Error(board);
  return board;
};
const panelsOf = (board: Board) => board.sections.flatMap((section) => section.panels);
const said = (board: Board) => lacks(board).map(({ where, what }) => `${where}: ${what}`);

const LACKS = [
  'Variable filters: variables of the type “adhoc” are not filled in here',
  'Graph of nodes: panels of the type “nodeGraph” are not drawn here',
  'Of a database: it asks mysql, which this stack does not have',
  'From a library: it is the library panel “Errors of all”, which only its Grafana has',
  'Partly: query B is left out: it asks an expression of Grafana’s server',
  'Partly: transformation “calculateField” is left out',
  'Partly: colours “continuous-plasma” are left out',
];

test('a file of version 1 is read with every panel, and says what is not drawn', () => {
  const board = opened(V1);
  expect(new Set([...panelsOf(board).map((panel) => panel.type), 'row'])).toEqual(new Set([...drawable.panels, 'nodeGraph', '']));
  expect(said(board)).toEqual(LACKS);
});

test('a file of version 2 is read as the same of version 1', () => {
  const [one, two] = [opened(V1), opened(V2)];
  const told = (board: Board) => panelsOf(board).map(({ title, type, targets, transformations }) => ({ title, type, transformations, targets: targets.map(({ refId, expr, source }) => ({ refId, expr, source })) }));
  expect(told(two)).toEqual(told(one));
  expect(two.variables.map(({ name, type, query, current }) => ({ name, type, query, current })).slice(0, -1)).toEqual(
    one.variables.map(({ name, type, query, current }) => ({ name, type, query: type === 'adhoc' ? '' : query, current })),
  );
  expect(two.variables.at(-1)).toMatchObject({ type: 'switch', current: ['false'], options: [{ text: 'on', value: 'true' }, { text: 'off', value: 'false' }] }); // prettier-ignore
  expect(said(two)).toEqual(['The file: The conditions for showing panel “panel-2” are not looked at: it is always shown.', ...LACKS]);
});

test('tabs, rows and grids of version 2 have their places', () => {
  const { sections } = opened(V2);
  expect(sections.map(({ tab, title, repeat, collapsed }) => [tab, title, repeat, collapsed])).toEqual([
    ['Numbers', 'Numbers', '', false],
    ['Over time', 'Over time', '', false],
    ['Rest', 'Texts of $name', '', true],
    ['Rest', 'Of $job', 'job', false],
    ['Rest', 'What is not drawn', '', false],
  ]);
  expect(packed(sections[0]!.panels).slice(0, 5).map(({ place }) => [place.x, place.y, place.w])).toEqual([[0, 0, 6], [6, 0, 6], [12, 0, 6], [18, 0, 6], [0, 4, 6]]); // prettier-ignore
});

const query = { kind: 'prometheus', spec: { expr: 'up' } };
const alpha = (layout: object, elements: object = { a: { kind: 'Panel', spec: { id: 1, title: 'A', data: { spec: { queries: [{ kind: 'PanelQuery', spec: { refId: 'A', query, datasource: { type: 'prometheus', uid: 'p' } } }], transformations: [{ kind: 'limit', spec: { id: 'limit', options: { limitField: 2 } } }] } }, vizConfig: { kind: 'stat', spec: { options: { x: 1 } } } } } }) => ({
  apiVersion: 'dashboard.grafana.app/v2alpha1', metadata: { name: 'uid' }, spec: { title: 'T', elements, layout },
}); // prettier-ignore
const item = (name: string) => ({ kind: 'GridLayoutItem', spec: { x: 0, y: 0, width: 12, height: 4, element: { name } } });

test('the first drafts of version 2 named the plugin in the kind', () => {
  const [panel] = panelsOf(opened(alpha({ kind: 'GridLayout', spec: { items: [item('a')] } })));
  expect(panel).toMatchObject({ type: 'stat', options: { x: 1 }, transformations: [{ id: 'limit', options: { limitField: 2 } }], targets: [{ expr: 'up', source: { type: 'prometheus', uid: 'p' } }] });
});

test.each([
  ['a name that is no element', alpha({ kind: 'GridLayout', spec: { items: [item('a'), item('constructor')] } }), ['The layout names “constructor”, which is not among the elements.'], ['A']],
  ['a kind that is not known', alpha({ kind: 'SpiralLayout', spec: {} }), ['Layouts of the kind “SpiralLayout” are not known here.'], ['A']],
  ['no layout', alpha([]), ['Layouts of the kind “none” are not known here.'], ['A']],
])('a layout with %s says so, and its panels are drawn all the same', (_, content, notes, titles) => {
  const board = opened(content);
  expect(board.notes).toEqual(notes);
  expect(panelsOf(board).map((panel) => panel.title)).toEqual(titles);
});

test('layouts within each other end', () => {
  const [before, after] = ['{"kind":"RowsLayout","spec":{"rows":[{"spec":{"title":"r","layout":', '}}]}}'];
  const board = opened(JSON.stringify(alpha([])).replace('"layout":[]', `"layout":${before.repeat(5000)}{}${after.repeat(5000)}`));
  expect(board.notes).toEqual(['Rows and tabs within each other are drawn 10 deep, and what is below is not.']);
  expect(board.sections.map((section) => section.title)).toEqual(['Without a place in the layout']);
});

test('a file to share brings its library panels and names its inputs', () => {
  const board = opened({
    __inputs: [{ name: 'DS_LOGS', type: 'datasource', pluginId: 'loki' }, { name: 'VAR_JOB', type: 'constant', value: 'api' }],
    __elements: { lib: { model: { type: 'stat', title: 'Shared', targets: [{ refId: 'A', expr: 'up' }] } } },
    panels: [
      { id: 1, type: 'timeseries', title: 'Lines', datasource: '${DS_LOGS}', targets: [{ refId: 'A', expr: 'rate({job="$VAR_JOB"}[1m])' }] },
      { id: 2, libraryPanel: { uid: 'lib', name: 'n' }, gridPos: { x: 1, y: 2, w: 3, h: 4 } },
      { id: 3, type: 'row', gridPos: { y: 9 }, panels: [{ id: 4, libraryPanel: { uid: 'constructor', name: 'Gone' } }] },
    ],
  }); // prettier-ignore
  expect(board.variables.map(({ name, type, query: asked, hidden }) => [name, type, asked, hidden])).toEqual([['DS_LOGS', 'datasource', 'loki', true], ['VAR_JOB', 'constant', 'api', true]]); // prettier-ignore
  expect(panelsOf(board).map(({ id, title, place }) => [id, title, place.x])).toEqual([[1, 'Lines', 0], [2, 'Shared', 1], [4, 'Gone', 0]]); // prettier-ignore
  expect(said(board)).toEqual(['Gone: it is the library panel “Gone”, which only its Grafana has']);
});

test.each([
  ['an answer of the API', { dashboard: { title: 'T', panels: [] }, meta: {} }, 'T'],
  ['an object of version 1', { apiVersion: 'dashboard.grafana.app/v1beta1', spec: { title: 'T', panels: [] } }, 'T'],
  ['rows of before 2018', { title: 'T', rows: [{ title: 'r', panels: [{ id: 1, type: 'singlestat', span: 4 }] }] }, 'T'],
])('%s is a dashboard', (_, content, title) => {
  expect(opened(content).title).toBe(title);
});

test.each(['', '{', '[]', 'null', '7', '{}', '{"spec": 1}', '{"panels": {}}', 'PK\u0003\u0004'])('%j is said to be no dashboard', (content) => {
  expect(openFile(content, 'mine.json')).toMatch(/^mine\.json (is|has) /);
});

test('a time that is not known is said', () => {
  expect(opened({ panels: [], time: { from: 'now/d', to: 'now' } }).notes).toEqual(['The time now/d is not known here: the present one is shown.']);
});

/** What may stand where something else belongs. */
const WRONG: readonly unknown[] = [null, 0, -1, 1e308, 'text', '', true, [], [null], {}, { constructor: 1 }, { a: { b: [1, {}] } }];

function* spoiled(value: unknown): Generator {
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) for (const bad of spoiled(inner)) yield value.with(index, bad);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) for (const bad of spoiled(inner)) yield { ...value, [key]: bad };
  }
  yield* WRONG;
}

const SMALL_V1 = {
  title: 't', tags: ['a'], time: { from: 'now-1h', to: 'now' }, links: [{ type: 'dashboards', tags: ['x'] }],
  templating: { list: [{ name: 'v', type: 'query', query: { query: 'label_values(up, job)' }, current: { value: ['a'] }, options: [{ text: 'a', value: 'b' }] }] },
  panels: [{
    id: 1, type: 'gauge', gridPos: { x: 0, y: 0, w: 1, h: 1 }, repeat: 'v', maxPerRow: 2, targets: [{ refId: 'A', expr: 'up', datasource: { type: 'prometheus', uid: 'p' } }],
    fieldConfig: { defaults: { color: { mode: 'fixed' }, custom: { stacking: { mode: 'none' } } }, overrides: [{ matcher: { id: 'byName', options: 'a' }, properties: [{ id: 'unit', value: 's' }] }] },
    options: { reduceOptions: { calcs: ['mean'] } }, transformations: [{ id: 'limit', options: {} }], libraryPanel: { uid: 'l' },
  }],
}; // prettier-ignore

test('whatever stands in a file, it is read or refused with a sentence, and every panel has a place', () => {
  const small = alpha({ kind: 'TabsLayout', spec: { tabs: [{ spec: { title: 't', layout: { kind: 'AutoGridLayout', spec: { maxColumnCount: 3, items: [{ spec: { element: { name: 'a' } } }] } } } }] } });
  const faults: unknown[] = [];
  let count = 0;
  for (const content of [...spoiled(SMALL_V1), ...spoiled(small)]) {
    const board = openFile(JSON.stringify(content), 'mine.json');
    if (typeof board === 'string') continue;
    count += 1;
    const places = repeated(board.sections, {}).sections.flatMap((section) => packed(section.panels));
    if (!places.every(stands) || !lacks(board).every(({ where, what }) => typeof where === 'string' && typeof what === 'string')) faults.push(content);
  }
  expect(faults).toEqual([]);
  expect(count).toBeGreaterThan(800);
});

const stands = ({ panel, place: { x, y, w, h } }: ReturnType<typeof packed>[number]): boolean =>
  typeof panel.type === 'string' && [x, y, w, h].every(Number.isInteger) && w > 0 && h > 0 && x >= 0 && x + w <= 24;

test('a thousand panels on a huge grid are packed without holes', () => {
  const panels = Array.from({ length: 1000 }, (_, index) => ({ id: index, type: 'stat', gridPos: { x: 1e9, y: index * 1e6, w: 1e9, h: 1e9 } }));
  const board = opened({ panels });
  expect(packed(board.sections[0]!.panels).map(({ place }) => place.y)).toEqual(Array.from({ length: 1000 }, (_, index) => index * 200));
});

test('variables that depend on themselves are named, and those that only look like it are not', () => {
  const variable = (name: string, asks: string) => ({ name, type: 'query', query: `label_values(up{${asks}}, ${name})`, datasource: { type: 'prometheus' } });
  const list = [variable('a', 'x="$b"'), variable('b', 'x="$c"'), variable('c', 'x="$b"'), variable('d', 'x="$e"'), variable('e', ''), variable('self', 'x="$self"')];
  const board = opened({ panels: [], templating: { list } });
  expect([...circular(board.variables)]).toEqual(['a', 'b', 'c', 'self']);
  expect(said(board)[0]).toBe('Variable a: its question depends on itself, or on another that does');
});
