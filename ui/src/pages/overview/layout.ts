/** Where the services of a map stand: layers from left to right, callers before what they call. The same calls give the same picture. */

export interface Call {
  from: string;
  to: string;
}
export interface Point {
  x: number;
  y: number;
}
export interface Layout {
  /** The middle of each node. */
  nodes: ReadonlyMap<string, Point>;
  /** What an edge passes, from its first node to its second; the order is that of the calls. Empty for a call to itself. */
  paths: readonly (readonly Point[])[];
  width: number;
  height: number;
}

export const NODE = { width: 148, height: 46 };
const GAP = { across: 168, down: 26 };
/** An edge that passes a layer takes this much of it. */
const PASSING = 28;
const MARGIN = 8;
const SWEEPS = 4;
/** Answers to a caller run this far below its calls. */
const BACK = 12;

interface Link {
  from: string;
  to: string;
}

/** Calls that lead back to a caller, found by walking from the services that nobody calls. */
function backward(names: readonly string[], calls: readonly Call[]): ReadonlySet<Call> {
  const called = new Set(calls.filter((call) => call.from !== call.to).map((call) => call.to));
  const roots = [...names.filter((name) => !called.has(name)), ...names.filter((name) => called.has(name))];
  const state = new Map<string, 'open' | 'done'>();
  const back = new Set<Call>();
  const visit = (name: string): void => {
    state.set(name, 'open');
    for (const call of calls) {
      if (call.from !== name || call.to === name) continue;
      if (state.get(call.to) === 'open') back.add(call);
      else if (!state.has(call.to)) visit(call.to);
    }
    state.set(name, 'done');
  };
  for (const name of roots) if (!state.has(name)) visit(name);
  return back;
}

/** The longest way to each service from one that nobody calls. */
function layersOf(names: readonly string[], links: readonly Link[]): ReadonlyMap<string, number> {
  const layers = new Map(names.map((name) => [name, 0]));
  for (let pass = 0; pass < names.length; pass++) {
    let moved = false;
    for (const { from, to } of links) {
      const least = layers.get(from)! + 1;
      if (layers.get(to)! >= least) continue;
      layers.set(to, least);
      moved = true;
    }
    if (!moved) break;
  }
  return layers;
}

interface Grid {
  /** What stands in each layer: services, and edges that pass. */
  columns: string[][];
  links: Link[];
  /** The stops of each link between neighbours, its ends among them. */
  stops: string[][];
}

const ABREAST = 4;

/** Services without a call stand in rows. */
function abreast(names: readonly string[]): string[][] {
  const across = Math.min(ABREAST, names.length);
  return Array.from({ length: across }, (_, column) => names.filter((__, at) => at % across === column));
}

/** Edges that span several layers get a place in each that they pass. */
function grid(names: readonly string[], links: readonly Link[]): Grid {
  if (links.length === 0) return { columns: abreast(names), links: [], stops: [] };
  const layers = layersOf(names, links);
  const columns: string[][] = Array.from({ length: Math.max(0, ...layers.values()) + 1 }, () => []);
  for (const name of names) columns[layers.get(name)!]!.push(name);
  const short: Link[] = [];
  const stops = links.map(({ from, to }, index) => {
    const way = [from];
    for (let layer = layers.get(from)! + 1; layer < layers.get(to)!; layer++) {
      const passing = `\0${index}:${layer}`;
      columns[layer]!.push(passing);
      way.push(passing);
    }
    way.push(to);
    for (let at = 1; at < way.length; at++) short.push({ from: way[at - 1]!, to: way[at]! });
    return way;
  });
  return { columns, links: short, stops };
}

/** Orders each layer by the middle of its neighbours, to and fro, so that few edges cross. */
function order({ columns, links }: Grid): void {
  const sort = (column: string[], beside: readonly string[], neighbours: (name: string) => string[]) => {
    const place = new Map(beside.map((name, at) => [name, at]));
    const weight = new Map(
      column.map((name, at) => {
        const found = neighbours(name).flatMap((other) => place.get(other) ?? []);
        return [name, found.length ? found.reduce((sum, one) => sum + one, 0) / found.length : at];
      }),
    );
    column.sort((a, b) => weight.get(a)! - weight.get(b)! || (a < b ? -1 : 1));
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let at = 1; at < columns.length; at++)
      sort(columns[at]!, columns[at - 1]!, (name) => links.filter((link) => link.to === name).map((link) => link.from));
    for (let at = columns.length - 2; at >= 0; at--)
      sort(columns[at]!, columns[at + 1]!, (name) => links.filter((link) => link.from === name).map((link) => link.to));
  }
}

const heightOf = (name: string) => (name.startsWith('\0') ? PASSING : NODE.height);
const tall = (column: readonly string[]) => column.reduce((sum, name) => sum + heightOf(name) + GAP.down, -GAP.down);

function place(columns: readonly string[][], height: number): Map<string, Point> {
  const found = new Map<string, Point>();
  columns.forEach((column, layer) => {
    let y = MARGIN + (height - tall(column)) / 2;
    for (const name of column) {
      found.set(name, { x: MARGIN + NODE.width / 2 + layer * (NODE.width + GAP.across), y: y + heightOf(name) / 2 });
      y += heightOf(name) + GAP.down;
    }
  });
  return found;
}

export function layout(services: readonly string[], calls: readonly Call[]): Layout {
  const names = [...new Set([...services, ...calls.flatMap((call) => [call.from, call.to])])].sort();
  if (names.length === 0) return { nodes: new Map(), paths: [], width: 0, height: 0 };
  const sorted = [...calls].sort((a, b) => (a.from + '\0' + a.to < b.from + '\0' + b.to ? -1 : 1));
  const back = backward(names, sorted);
  const links = calls.filter((call) => call.from !== call.to).map((call) => (back.has(call) ? { from: call.to, to: call.from } : call));
  const cells = grid(names, links);
  order(cells);
  const inner = Math.max(...cells.columns.map(tall));
  const points = place(cells.columns, inner);
  let next = 0;
  const paths = calls.map((call) => {
    if (call.from === call.to) return [];
    const way = cells.stops[next++]!.map((name) => points.get(name)!);
    return back.has(call) ? ends(way, BACK).reverse() : ends(way, 0);
  });
  const width = 2 * MARGIN + cells.columns.length * (NODE.width + GAP.across) - GAP.across;
  return { nodes: new Map(names.map((name) => [name, points.get(name)!])), paths, width, height: inner + 2 * MARGIN };
}

/** An edge leaves a node at its right side and reaches the next at its left. */
function ends(way: readonly Point[], down: number): Point[] {
  const side = (at: number) => (at === 0 ? NODE.width / 2 : at === way.length - 1 ? -NODE.width / 2 : 0);
  return way.map((point, at) => ({ x: point.x + side(at), y: point.y + down }));
}

/** The edge as a path of SVG: curves that leave and arrive level. */
export function curve(points: readonly Point[]): string {
  return points
    .map((point, at) => {
      if (at === 0) return `M${point.x} ${point.y}`;
      const before = points[at - 1]!;
      const middle = (before.x + point.x) / 2;
      return `C${middle} ${before.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    })
    .join('');
}

/** A point of the curve between two points, `t` from 0 to 1. */
export function along(a: Point, b: Point, t: number): Point {
  const middle = (a.x + b.x) / 2;
  const bezier = (p0: number, p1: number, p2: number, p3: number) =>
    (1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t ** 2 * p2 + t ** 3 * p3;
  return { x: bezier(a.x, middle, middle, b.x), y: bezier(a.y, a.y, b.y, b.y) };
}

const SPOTS = [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78];

/** Where the label of each edge fits without covering another, if it can; null for an edge without a way. */
export function labelSpots(paths: Layout['paths'], size: { width: number; height: number }): (Point | null)[] {
  const taken: Point[] = [];
  const free = (spot: Point) => taken.every((other) => Math.abs(other.x - spot.x) >= size.width || Math.abs(other.y - spot.y) >= size.height);
  return paths.map((path) => {
    if (path.length < 2) return null;
    const spots = path.slice(1).flatMap((point, at) => SPOTS.map((t) => along(path[at]!, point, t)));
    const spot = spots.find(free) ?? spots[0]!;
    taken.push(spot);
    return spot;
  });
}
