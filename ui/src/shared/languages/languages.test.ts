import type { LRParser } from '@lezer/lr';
import { describe, expect, test } from 'vitest';
import { parser as logql, placeOf, valueOf } from './logql';
import { comparedWith, parser as traceql } from './traceql';

function errors(parser: LRParser, text: string): number {
  let count = 0;
  parser.parse(text).iterate({ enter: (node) => void (count += Number(node.type.isError)) });
  return count;
}

describe('LogQL', () => {
  test.each([
    '{a="b"}',
    '{a="b", c!~`d.*`,} |= "x" != `y` |~ "z" or "w" # why',
    '{a="b"} |= ip("10.0.0.0/8") | json | logfmt --strict | status >= 500 and (method="GET" or took > 1.5s), size < 10KB',
    '{a="b"} | json a="b.c", d="e[0]" | line_format "{{.a}}" | label_format x=y, z="{{.w}}" | drop a, b=~"c" | keep d',
    '{a="b"} | pattern `<ip> - <_>` | unwrap duration(took) | addr=ip("::1")',
    'sum by (a, b) (rate({a="b"} | json | __error__="" [5m]))',
    'sum(count_over_time({a="b"}[1m] offset 1h)) by (a) / on(a) group_left(b) sum(rate({a="b"}[1m])) * 100 > bool 3',
    'quantile_over_time(0.99, {a="b"} | logfmt | unwrap took [5m]) by (a)',
    'topk(3, sum by (a) (bytes_rate({a="b"}[1m]))) unless vector(0)',
    'label_replace(rate({a="b"}[1m]), "x", "$1", "a", "(.*)")',
    '',
  ])('%s', (query) => expect(errors(logql, query)).toBe(0));

  test.each(['{a=}', 'sum(', '{a="b"} |', 'rate({a="b"}[5m)'])('%s is not whole', (query) => expect(errors(logql, query)).toBeGreaterThan(0));

  test.each([
    ['{a="b", c="x', { label: 'c', from: 11 }],
    ['{a=~"', { label: 'a', from: 5 }],
    ['{a="b"', null],
  ])('the value at the end of %s', (text, value) => expect(valueOf(text)).toEqual(value));

  test.each([
    ['{', 'label'],
    ['{a="}", b', 'label'],
    ['{a="b"} | js', 'stage'],
    ['{a="b"} |= "| js', null],
    ['sum by (a, ', 'grouping'],
    ['{a="b"} | json | x="1" and ', 'line'],
    ['su', 'start'],
    ['{a="b"} # {', null],
  ])('at the end of %s stands a %s', (text, place) => expect(placeOf(text)).toBe(place));
});

describe('TraceQL', () => {
  test.each([
    '{ }',
    '{ resource.service.name = "api" && duration > 1.5s && status = error }',
    '{ .http.route =~ `/a.*` || span."with space" != nil } | count() > 3',
    '{ link:traceID = "1" } >> { kind = server } && { name = "x" } | avg(duration) > 1s',
    '({ .a = 1 } | select(span.b, resource.c))',
    '{ !(.a = true) && .b + 2 * 3 >= 7 } // why',
    '{ status = error } | rate() by (resource.service.name) with (exemplars=true)',
    '',
  ])('%s', (query) => expect(errors(traceql, query)).toBe(0));

  test.each(['{ .a = }', '{ .a = 1', '{ } |'])('%s is not whole', (query) => expect(errors(traceql, query)).toBeGreaterThan(0));

  test.each([
    ['{ resource.service.name = "a', { name: 'resource.service.name', text: 'a', quoted: true }],
    ['{ status = ', { name: 'status', text: '', quoted: false }],
    ['{ .a', null],
  ])('what is compared at the end of %s', (text, place) => expect(comparedWith(text)).toEqual(place));
});
