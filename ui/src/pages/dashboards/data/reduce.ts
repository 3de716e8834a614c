/** What each series of a panel comes to, for panels that show numbers. Pure. */
import { colours } from '../../../shared/charts/palette';
import { at, flag, numeric, own, texts } from '../grafana/json';
import type { Panel } from '../grafana/model';
import { calculate } from './calcs';
import { fieldOf, nameOf, show, thresholdColor, type Field, type Scale } from './fields';
import type { Frame } from './frames';

export interface Reduced {
  key: string;
  name: string;
  value: number | null;
  text: string;
  color: string | undefined;
  frame: Frame;
  field: Field;
  /** What the value is a part of, where it is drawn as a share. */
  scale: Scale;
}

const VALUES = 25;

/** The value of each series, as the panel calculates it; or every value, where the panel wants all. */
export function reduced(panel: Panel, frames: readonly Frame[]): Reduced[] {
  const { reduceOptions } = panel.options;
  const calc = texts(at(reduceOptions, 'calcs'))[0] ?? 'lastNotNull';
  const every = flag(at(reduceOptions, 'values'));
  const spread = spreadOf(frames);
  const parts = frames.flatMap((frame) => {
    const values = frame.spots.map((spot) => spot[1]);
    return (every ? values.filter((value) => value !== null) : [calculate(calc, values)]).map((value) => ({ frame, value }));
  });
  const wanted = every ? parts.slice(0, numeric(at(reduceOptions, 'limit')) ?? VALUES) : parts;
  const named = wanted.map(({ frame, value }) => {
    const field = fieldOf(panel, { name: frame.name, refId: frame.refId, type: 'number' });
    return { frame, value, field, name: nameOf(field, frame) };
  });
  const palette = colours(named.map(({ name }) => name));
  return named.map(({ frame, value, field, name }, index) => {
    const scale = scaleOf(field, spread);
    const shown = show(value, field, scale);
    const other = field.colorMode.startsWith('palette') ? palette.get(name) : thresholdColor(value, field, scale);
    return { key: `${index}`, name, value, text: shown.text, color: shown.color ?? other, frame, field, scale };
  });
}

/** The lowest and the highest of all values. */
function spreadOf(frames: readonly Frame[]): Scale {
  let [low, high] = [Infinity, -Infinity];
  for (const frame of frames) {
    for (const [, value] of frame.spots) {
      if (value === null || !Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low <= high ? { low, high } : { low: 0, high: 1 };
}

const WHOLE: Readonly<Record<string, number>> = { percent: 100, percentunit: 1 };

/** The scale that a value is drawn on: limits of its field, a whole for percentages, else from zero to the highest of all. */
export function scaleOf(field: Field, spread: Scale): Scale {
  const low = field.min ?? Math.min(0, spread.low);
  const high = field.max ?? Math.max(own(WHOLE, field.unit) ?? -Infinity, spread.high);
  return { low, high: high > low ? high : low + 1 };
}

/** How much of its scale a value fills, 0 to 1. */
export const shareOf = (value: number | null, { low, high }: Scale): number => (value === null ? 0 : Math.max(0, Math.min(1, (value - low) / (high - low) || 0)));

/** As many columns as leave the boxes largest; `wide` is how much wider than high a box is at its best. */
export function columnsFor(count: number, width: number, height: number, orientation: unknown, wide = 2): number {
  if (orientation === 'horizontal') return 1;
  if (orientation === 'vertical') return Math.max(1, count);
  const size = (columns: number) => Math.min(width / columns / wide, height / Math.ceil(count / columns));
  return Array.from({ length: Math.max(1, count) }, (_, index) => index + 1).reduce((best, columns) => (size(columns) >= size(best) ? columns : best), 1);
}
