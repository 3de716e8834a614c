/** What queries answer, as series on one grid of times. Pure. */
import type { ExemplarSeries, Labels, Sample, Series } from '../../../shared/api/metrics';
import { number } from '../../../shared/api/metrics';
import { own } from '../grafana/json';
import type { Target } from '../grafana/model';

/** Milliseconds since 1970, and a value where there is one. */
export type Spot = readonly [at: number, value: number | null];
export interface Frame {
  refId: string;
  /** The legend; what is shown for it. */
  name: string;
  labels: Labels;
  spots: readonly Spot[];
  target: Target;
}
export interface Dot {
  at: number;
  value: number;
  trace: string;
  labels: Labels;
}
export interface Grid {
  /** Seconds, multiples of the step. */
  start: number;
  end: number;
  step: number;
}

/** The grid of a range: the same for everybody who asks with the same step. */
export function gridOf(start: number, end: number, step: number): Grid {
  return { start: Math.floor(start / step) * step, end: Math.floor(end / step) * step, step };
}

/** Every time of the grid; a line must not cross a time without a sample, and stacks need the same times. */
export function onGrid(points: readonly (readonly [number, string])[], grid: Grid): Spot[] {
  const known = new Map(points.map(([at, value]) => [Math.round(at * 1000), number(value)]));
  const count = Math.floor((grid.end - grid.start) / grid.step + 1e-9) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index): Spot => {
    const at = Math.round((grid.start + index * grid.step) * 1000);
    return [at, known.get(at) ?? null];
  });
}

export function seriesFrames(series: readonly Series[], target: Target, grid: Grid, legend: (labels: Labels) => string): Frame[] {
  return series.map(({ metric, values = [] }) => ({ refId: target.refId, name: legend(metric), labels: metric, spots: onGrid(values, grid), target }));
}

export function sampleFrames(samples: readonly Sample[], target: Target, legend: (labels: Labels) => string): Frame[] {
  return samples.map(({ metric, value }) => ({
    refId: target.refId,
    name: legend(metric),
    labels: metric,
    spots: value ? [[value[0] * 1000, number(value[1])]] : [],
    target,
  }));
}

/** `{{job}} {{route}}`, or the labels where the panel leaves it to the page. `shared` are labels that all series have alike. */
export function legendOf(pattern: string, labels: Labels, expr: string, alone: boolean): string {
  if (pattern && pattern !== '__auto') return pattern.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name: string) => own(labels, name) ?? '').trim() || seriesName(labels, expr);
  if (pattern === '__auto' && alone && !Object.keys(labels).length) return expr.length > 80 ? 'Value' : expr;
  return seriesName(labels, expr);
}

export function seriesName(labels: Labels, otherwise = ''): string {
  const { __name__: name = '', ...rest } = labels;
  const inside = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return inside.length ? `${name}{${inside.join(', ')}}` : name || otherwise;
}

const TRACE_LABELS = ['trace_id', 'traceID', 'traceId'];
const SLOWEST = 3;
const STEPS = 4;

/** Of the exemplars of every four steps the slowest three: the others tell the same story, and flood the graph. */
export function dotsOf(found: readonly ExemplarSeries[], step: number): Dot[] {
  const slots = new Map<number, Dot[]>();
  for (const one of found) {
    for (const { labels, timestamp, value } of one.exemplars) {
      const read = number(value);
      if (read === null) continue;
      const trace = TRACE_LABELS.map((label) => labels[label]).find(Boolean) ?? '';
      const slot = Math.floor(timestamp / (STEPS * step));
      slots.set(slot, [...(slots.get(slot) ?? []), { at: timestamp * 1000, value: read, trace, labels: { ...one.seriesLabels, ...labels } }]);
    }
  }
  return [...slots.values()].flatMap((dots) => dots.sort((a, b) => b.value - a.value).slice(0, SLOWEST));
}
