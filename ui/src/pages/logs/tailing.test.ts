import { expect, test } from 'vitest';
import { EMPTY, keep } from './tailing';

const line = (at: number, text = String(at)) => ({ at: BigInt(at), line: text, labels: {} });
const texts = (kept: { lines: readonly { line: string }[] }) => kept.lines.map((one) => one.line).join(' ');

test('the newest come first, those of one moment as they came', () => expect(texts(keep(EMPTY, [line(1), line(2, 'a'), line(2, 'b')]))).toBe('b a 1'));

test('one that comes late takes its place', () => expect(texts(keep(keep(EMPTY, [line(1), line(5)]), [line(3)]))).toBe('5 3 1'));

test('no more are kept than the bound; the rest is counted', () => {
  const kept = keep(keep(EMPTY, [line(1), line(2)], 2), [line(3)], 2);
  expect([texts(kept), kept.dropped]).toEqual(['3 2', 1]);
});
