import { describe, expect, test } from 'vitest';
import { formOf, milliseconds, pairs, paramsOf, picked, remarks, searchOf, sorted, wrong } from './search';

const form = formOf(new URLSearchParams('service=api&min=1.5s&errors=1&tags=a%3D1'));

test('a form goes into the URL and comes back', () => {
  const params = new URLSearchParams(Object.entries(paramsOf(form)).filter((one): one is [string, string] => one[1] !== null));
  expect(params.toString()).toBe('service=api&tags=a%3D1&min=1.5s&errors=1');
  expect(formOf(params)).toEqual(form);
});

test('a form is a search', () =>
  expect(searchOf(form, 1, 2)).toEqual({ service: 'api', attributes: { a: '1' }, minDuration: 1500, onlyErrors: true, start: 1, end: 2, limit: 50 }));

test.each([
  ['100ms', 100],
  ['1.5s', 1500],
  ['250', 250],
  ['20us', 0.02],
  ['2 m', 120_000],
  ['fast', null],
  ['-1s', null],
])('%s are %s milliseconds', (text, value) => expect(milliseconds(text)).toBe(value));

test.each([
  ['a=1 b="two words" c=', { a: '1', b: 'two words', c: '' }],
  ['a="say \\"x\\""', { a: 'say "x"' }],
  ['a==b', { a: '=b' }],
  ['a="open', { a: '"open' }],
  ['', {}],
  ['nothing', null],
  ['a=1 =2', null],
])('attributes %s', (text, value) => expect(pairs(text)).toEqual(value));

test('what is wrong is said by field', () => expect(Object.keys(wrong({ ...form, min: 'x', max: '1h', tags: 'y' }))).toEqual(['min', 'tags']));

const trace = (id: string, start: number, duration: number, errors = 0) => ({ id, start, duration, errors, service: '', name: '', spans: 1, services: [] });

describe('the list', () => {
  const traces = [trace('a', 1, 5), trace('b', 2, 1, 1), trace('c', 3, 3)];
  test.each([
    ['newest', 'cba'],
    ['longest', 'acb'],
    ['errors', 'bca'],
  ] as const)('%s first', (sort, ids) => expect(sorted(traces, sort).map((one) => one.id).join('')).toBe(ids)); // prettier-ignore

  test('a full answer says so', () => {
    expect(remarks({ traces, warnings: ['w', 'w'] }, 3)).toEqual(['w', 'The search stopped at its limit of 3 traces; there may be more.']);
    expect(remarks({ traces, warnings: [] }, 4)).toEqual([]);
  });
});

test('two are picked at most', () => {
  expect(picked(['a', 'b'], 'c')).toEqual(['b', 'c']);
  expect(picked(['a', 'b'], 'a')).toEqual(['b']);
});
