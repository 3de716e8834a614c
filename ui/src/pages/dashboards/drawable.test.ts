import { expect, test } from 'vitest';
import drawable from './drawable.json';
import { CALCS } from './data/calcs';
import { TRANSFORMATIONS } from './data/tables';
import { lacks } from './drawable';
import { GLOBALS } from './grafana/times';
import { readBoard } from './grafana/read';

test('what the list names is what there is', () => {
  expect(new Set(drawable.calcs)).toEqual(new Set(Object.keys(CALCS)));
  expect(new Set(drawable.transformations)).toEqual(new Set(TRANSFORMATIONS));
  expect(drawable.macros).toEqual(expect.arrayContaining([...GLOBALS]));
});

const target = (datasource: unknown, expr = 'up') => ({ refId: 'A', datasource, expr });

test('what cannot be drawn is said panel by panel', () => {
  const board = readBoard({
    title: 't',
    templating: { list: [{ name: 'filters', type: 'adhoc' }, { name: 'ds', type: 'datasource', query: 'prometheus' }] },
    panels: [
      { id: 1, type: 'nodeGraph', title: 'Graph' },
      { id: 2, type: 'timeseries', title: 'SQL', datasource: { type: 'mysql', uid: 'x' }, targets: [target({ type: 'mysql', uid: 'x' })] },
      { id: 3, type: 'table', title: 'Table', datasource: { type: 'prometheus', uid: '${ds}' }, targets: [target({ uid: '${ds}' })], transformations: [{ id: 'histogram', options: {} }] },
      { id: 4, type: 'stat', title: 'Fine', targets: [target({ uid: '${ds}' })] },
      { id: 5, title: 'Shared', libraryPanel: { uid: 'l', name: 'Errors' } },
      { id: 6, type: 'timeseries', title: 'Math', targets: [target({ type: 'prometheus', uid: 'p' }), { refId: 'B', datasource: { type: '__expr__', uid: '__expr__' }, expression: '$A * 2' }] },
    ],
  }); // prettier-ignore
  expect(lacks(board).map(({ where, what }) => `${where}: ${what}`)).toEqual([
    'Variable filters: variables of the type “adhoc” are not filled in here',
    'Graph: panels of the type “nodeGraph” are not drawn here',
    'SQL: it asks mysql, which this stack does not have',
    'Table: transformation “histogram” is left out',
    'Shared: it is the library panel “Errors”, which only its Grafana has',
    'Math: query B is left out: it asks an expression of Grafana’s server',
  ]);
});

test.each([null, 'text', [], { panels: 'no' }, { panels: [null, 1, { gridPos: 'x' }] }, { templating: { list: [1, {}] } }])('%j is read without an exception', (file) => {
  expect(lacks(readBoard(file))).toBeInstanceOf(Array);
});
