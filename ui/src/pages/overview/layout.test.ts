import { expect, test } from 'vitest';
import { curve, labelSpots, layout, NODE, type Call } from './layout';

const calls = (text: string): Call[] => text.split(' ').map((one) => ({ from: one.split('>')[0]!, to: one.split('>')[1]! }));
const SHOP = calls('web>api api>worker worker>ai api>db worker>db web>ai');

test('callers stand before what they call, also over several layers', () => {
  const { nodes } = layout([], SHOP);
  for (const { from, to } of SHOP) expect(nodes.get(from)!.x).toBeLessThan(nodes.get(to)!.x);
});

test('the same calls in another order give the same places', () => {
  expect(layout([], [...SHOP].reverse()).nodes).toEqual(layout([], SHOP).nodes);
});

test('nodes never cover each other and stay inside of the picture', () => {
  const made = layout(['alone'], calls('a>b a>c a>d b>e c>e d>e e>f a>f b>f'));
  const places = [...made.nodes.values()];
  for (const [at, one] of places.entries()) {
    expect(one.x - NODE.width / 2).toBeGreaterThanOrEqual(0);
    expect(one.y + NODE.height / 2).toBeLessThanOrEqual(made.height);
    for (const other of places.slice(at + 1)) expect(Math.abs(one.x - other.x) >= NODE.width || Math.abs(one.y - other.y) >= NODE.height).toBe(true);
  }
});

test('services that call each other, and themselves, have a place and a way', () => {
  const made = layout([], calls('a>b b>a b>b b>c c>a'));
  expect([...made.nodes.keys()]).toEqual(['a', 'b', 'c']);
  expect(made.paths.map((path) => path.length)).toEqual([2, 2, 0, 2, 3]);
  const [there, back] = made.paths;
  expect(back![0]!.x).toBeGreaterThan(back![1]!.x);
  expect(there![0]!.y).not.toBe(back![1]!.y);
});

test('an edge that passes a layer does not run through a node of it', () => {
  const made = layout([], calls('a>b b>c a>c'));
  const passing = made.paths[2]![1]!;
  expect(Math.abs(passing.y - made.nodes.get('b')!.y)).toBeGreaterThan(NODE.height / 2);
});

test('nothing is nothing', () => expect(layout([], [])).toEqual({ nodes: new Map(), paths: [], width: 0, height: 0 }));

test('labels of edges that cross stand beside each other', () => {
  const path = (y0: number, y1: number) => [
    { x: 0, y: y0 },
    { x: 168, y: y1 },
  ];
  const [a, b] = labelSpots([path(0, 100), path(100, 0)], { width: 60, height: 24 });
  expect(Math.abs(a!.x - b!.x) >= 60 || Math.abs(a!.y - b!.y) >= 24).toBe(true);
  expect(labelSpots([[]], { width: 1, height: 1 })).toEqual([null]);
});

test('a curve starts and ends at its points', () => expect(curve([{ x: 0, y: 1 }, { x: 10, y: 3 }])).toBe('M0 1C5 1 5 3 10 3'));

test('services without calls stand in rows', () => {
  const { nodes } = layout(['a', 'b', 'c', 'd', 'e'], []);
  expect(new Set([...nodes.values()].map(({ x }) => x)).size).toBe(4);
  expect(layout(['a', 'b'], []).nodes.get('a')!.y).toBe(layout(['a', 'b'], []).nodes.get('b')!.y);
});
