import { describe, expect, test } from 'vitest';
import { drawn, findSpans, foldedBelow, haystacks, isLog, nextHit, placed, revealing, visibleRows, WHOLE } from './rows';
import { traceOf } from './trace.fixture';

const TREE = traceOf('a\n  b\n    c\n    d\n  e\nf');
const names = (rows: number[]) => rows.map((row) => (isLog(row) ? TREE.logs[~row]?.log.body : TREE.spans[row]!.name)).join('');

describe('rows', () => {
  test.each([
    [[], 'abcdef'],
    [[1], 'abef'],
    [[0], 'af'],
    [[0, 1], 'af'],
    [[3], 'abcdef'],
  ])('folded at %j are %s', (folded, shown) => expect(names(visibleRows(TREE, new Set(folded), false))).toBe(shown));

  test.each([
    [1, 'af'],
    [2, 'abef'],
    [9, 'abcdef'],
  ])('of %d levels are %s', (depth, shown) => expect(names(visibleRows(TREE, foldedBelow(TREE, depth), false))).toBe(shown));

  test('a span that is looked for comes out of its folds', () =>
    expect(names(visibleRows(TREE, revealing(TREE, new Set([0, 1]), 3), false))).toBe('abcdef'));

  test('log lines stand below their span, those without one at the top', () => {
    const log = (span_id: string | null, body: string) => ({ time_unix_nano: '1800000000000000050', span_id, severity: 'INFO', service: 'api', body, attributes: {} });
    const trace = traceOf('a\n  b', { logs: [log('0'.repeat(16), 'x'), log(null, 'y'), log('f'.repeat(16), 'z')] });
    expect(visibleRows(trace, new Set(), true)).toEqual([~1, ~2, 0, ~0, 1]);
    expect(trace.logs[0]!.at).toBe(50);
  });
});

describe('find', () => {
  test('all words must be there, in any case', () => {
    expect(findSpans(haystacks(TREE), 'INTERNAL d')).toEqual([3]);
    expect(findSpans(haystacks(TREE), '  ')).toEqual([]);
  });
  test.each([
    [-1, 1, 2],
    [2, 1, 5],
    [5, 1, 2],
    [2, -1, 5],
    [4, -1, 2],
  ] as const)('from %d by %d is %d', (from, step, hit) => expect(nextHit([2, 5], from, step)).toBe(hit));
  test('without hits there is no next one', () => expect(nextHit([], 0, 1)).toBeUndefined());
});

describe('places', () => {
  const trace = { duration: 100 };
  test.each([
    [WHOLE, 25, 50, { left: 0.25, width: 0.5 }],
    [{ from: 0.5, to: 1 }, 25, 50, { left: 0, width: 0.5 }],
    [{ from: 0, to: 0.5 }, 60, 10, null],
    [WHOLE, 100, 0, { left: 1, width: 0 }],
  ])('in %j', (view, at, length, place) => expect(placed(trace, view, at, length)).toEqual(place));

  test('stretches without a pixel between them are drawn as one', () =>
    expect(drawn(trace, WHOLE, [{ from: 0, to: 10 }, { from: 10.1, to: 20 }, { from: 50, to: 60 }])).toEqual([
      { left: 0, width: 0.2 },
      { left: 0.5, width: expect.closeTo(0.1) as number },
    ])); // prettier-ignore
});
