import { describe, expect, test } from 'vitest';
import { asksLines, errorPlace, filtered, selector, streamSelector, volumeQuery } from './query';

test.each([
  ['{a="b"} | json', true],
  [' # {\n{a="b"}', true],
  ['({a="b"})', true],
  ['sum(rate({a="b"}[1m]))', false],
  ['rate({a="b"}[1m])', false],
  ['', true],
])('%j asks for lines: %s', (query, lines) => expect(asksLines(query)).toBe(lines));

test.each([
  ['{a="}"} |= "{"', 'a="}"'],
  ['{a=`\\`}', 'a=`\\`'],
  ['{a="\\"}"}', 'a="\\"}"'],
])('the selector of %s', (query, inside) => {
  const place = selector(query)!;
  expect(query.slice(place.from, place.to)).toBe(inside);
});

describe('filters', () => {
  const stream = { label: 'app', value: 'x"y', from: 'stream' } as const;
  test.each([
    ['{a="b"} |= "z"', stream, true, '{a="b", app="x\\"y"} |= "z"'],
    ['{}', stream, false, '{app!="x\\"y"}'],
    ['{a="b",}', stream, true, '{a="b", app="x\\"y"}'],
    ['{a="b"}', { label: 'trace_id', value: '1', from: 'metadata' }, true, '{a="b"} | trace_id="1"'],
    ['{a="b"}', { label: 'status', value: '200', from: 'json' }, false, '{a="b"} | json | status!="200"'],
    ['{a="b"} | json', { label: 'status', value: '200', from: 'json' }, true, '{a="b"} | json | status="200"'],
    ['{a="b"} |= "| json"', { label: 's', value: '', from: 'json' }, true, '{a="b"} |= "| json" | json | s=""'],
    ['{a="b"} | trace_id="1"', { label: 'trace_id', value: '1', from: 'metadata' }, true, '{a="b"} | trace_id="1"'],
  ] as const)('%s with %j, keep %s', (query, filter, keep, result) => expect(filtered(query, filter, keep)).toBe(result));
});

test('the stream of a line has its stream labels, without the level', () =>
  expect(streamSelector({ app: 'a"', level: 'info', trace_id: '1' }, ['app', 'level', 'pod'])).toBe('{app="a\\""}'));

test('volume is a metric query over the lines', () =>
  expect(volumeQuery('{a="b"} | json', 10)).toBe('sum by (detected_level, level) (count_over_time({a="b"} | json [10s]))'));

test.each([
  ['parse error at line 1, col 3: x', 2],
  ['parse error at line 2, col 2: x', 5],
  ['parse error at line 9, col 9', 6],
  ['nothing', null],
])('%s', (message, place) => expect(errorPlace(message, 'abc\ndef'.slice(0, 6))).toBe(place));
