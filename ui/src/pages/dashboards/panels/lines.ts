/** Series of a graph as ECharts draws them. Pure. */
import { at, numeric, own, text } from '../grafana/json';
import type { Panel } from '../grafana/model';
import { colours } from '../../../shared/charts/palette';
import { fieldOf, hides, nameOf, seriesColor, type Field } from '../data/fields';
import type { Frame, Spot } from '../data/frames';

export interface Line {
  key: string;
  name: string;
  color: string;
  frame: Frame;
  field: Field;
  /** What is drawn: turned around where the panel asks for it. */
  spots: readonly Spot[];
  /** 0 for the left axis, 1 for the right one. */
  axis: 0 | 1;
  inLegend: boolean;
}

/** Lines in the order of their frames; names that stand twice get a number. */
export function linesOf(frames: readonly Frame[], panel: Panel): Line[] {
  const count = new Map<string, number>();
  const named = frames.map((frame) => {
    const field = fieldOf(panel, { name: frame.name, refId: frame.refId, type: 'number' });
    const name = nameOf(field, frame);
    const number = (count.get(name) ?? 0) + 1;
    count.set(name, number);
    return { frame, field, name, key: number === 1 ? name : `${name} (${number})` };
  });
  const palette = colours(named.map((one) => one.key));
  const units = [...new Set(named.map((one) => one.field.unit))];
  return named.flatMap(({ frame, field, name, key }): Line[] => {
    if (hides(field, 'viz')) return [];
    const last = frame.spots.findLast((spot) => spot[1] !== null)?.[1] ?? null;
    const right = field.custom.axisPlacement === 'right' || (field.custom.axisPlacement !== 'left' && units.indexOf(field.unit) > 0);
    const spots = field.custom.transform === 'negative-Y' ? frame.spots.map(([when, value]): Spot => [when, value === null ? null : -value]) : frame.spots;
    return [{ key, name, frame, field, spots, color: seriesColor(field, palette.get(key)!, last), axis: right ? 1 : 0, inLegend: !hides(field, 'legend') }];
  });
}

type Stacking = 'none' | 'normal' | 'percent';
export const stackingOf = (field: Field): Stacking => {
  const mode = text(at(field.custom.stacking, 'mode'));
  return mode === 'normal' || mode === 'percent' ? mode : 'none';
};

/** Shares of each time's sum, for stacks of 100 %. */
export function shares(lines: readonly Line[]): Line[] {
  const sums = new Map<number, number>();
  for (const line of lines) for (const [when, value] of line.spots) sums.set(when, (sums.get(when) ?? 0) + Math.abs(value ?? 0));
  return lines.map((line) => ({ ...line, spots: line.spots.map(([when, value]): Spot => [when, value === null ? null : value / (sums.get(when) || 1)]) }));
}

const STEPS: Readonly<Record<string, string>> = { stepBefore: 'end', stepAfter: 'start' };

/** One series of ECharts. A stack has 0 where a sample is missing, or it would garble those above. */
export function drawn(line: Line, stack: Stacking): Record<string, unknown> {
  const { field, spots } = line;
  const { custom } = field;
  const style = text(custom.drawStyle, 'line');
  const stacked = stack !== 'none';
  const fill = numeric(custom.fillOpacity) ?? 0;
  const data = stacked ? spots.map(([when, value]) => [when, value ?? 0]) : spots;
  const common = { name: line.key, data, color: line.color, yAxisIndex: line.axis, ...(stacked && { stack: `${text(at(custom.stacking, 'group'), 'A')}${line.axis}` }) };
  if (style === 'bars') return { ...common, type: 'bar', large: true, itemStyle: { opacity: Math.max(0.5, fill / 100) }, barMaxWidth: 24 };
  const points = style === 'points' || custom.showPoints === 'always' || (custom.showPoints !== 'never' && isSparse(spots));
  const dash = at(custom.lineStyle, 'fill');
  const step = own(STEPS, text(custom.lineInterpolation));
  return {
    ...common,
    type: 'line',
    showSymbol: points,
    symbolSize: numeric(custom.pointSize) ?? 4,
    symbol: 'circle',
    sampling: 'lttb',
    connectNulls: custom.spanNulls === true || typeof custom.spanNulls === 'number',
    smooth: custom.lineInterpolation === 'smooth' ? 0.4 : false,
    ...(step && { step }),
    lineStyle: { width: style === 'points' ? 0 : (numeric(custom.lineWidth) ?? 1), ...(dash === 'dash' && { type: 'dashed' }), ...(dash === 'dot' && { type: 'dotted' }) },
    ...(fill > 0 && style === 'line' && { areaStyle: { opacity: stacked ? Math.max(0.35, fill / 100) : fill / 100 } }),
    emphasis: { disabled: true },
  };
}

/** A sample without neighbours is no line: it would not be seen. */
function isSparse(spots: readonly Spot[]): boolean {
  return spots.some(([, value], index) => value !== null && (spots[index - 1]?.[1] ?? null) === null && (spots[index + 1]?.[1] ?? null) === null);
}

export const isLog = (field: Field): boolean => at(field.custom.scaleDistribution, 'type') === 'log';
