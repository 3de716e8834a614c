import { expect, test } from 'vitest';
import { href, to } from './links';

test('a link keeps the range and leaves the rest', () =>
  expect(href(to.traces({ service: 'api' }), '?from=now-1h&to=now&query=x')).toBe('/traces?from=now-1h&to=now&service=api'));

test('a link may name another range', () =>
  expect(href(to.logs('{a="b"}', { start: 1.5, end: 2 }), '?from=now-1h')).toBe('/logs?from=1500&to=2000&query=%7Ba%3D%22b%22%7D'));

test('ids are escaped', () => expect(href(to.trace('a/b'))).toBe('/traces/a%2Fb'));
