/** A graph over time as an option of ECharts. Pure, but for the elements of its tooltip. */
import type { Range } from '../../../shared/range';
import { format } from '../../../shared/units';
import { at, numeric, text } from '../grafana/json';
import type { Panel } from '../grafana/model';
import { colorOf } from '../data/colors';
import { limits, show, type Field } from '../data/fields';
import type { Dot } from '../data/frames';
import type { Mark } from '../data/place';
import { drawn, isLog, shares, stackingOf, type Line } from './lines';
import { momentText, tooltip, type Row } from './tooltip';

export const EXEMPLARS = 'exemplar';
const EXEMPLAR_COLOR = '#b877d9';

export interface Graph {
  panel: Panel;
  lines: readonly Line[];
  dots: readonly Dot[];
  marks: readonly Mark[];
  range: Range;
  /** Whether the pointer is over this very graph: others show the crosshair alone. */
  pointed: () => boolean;
}

export function graphOption(graph: Graph): Record<string, unknown> {
  const { panel, range, dots } = graph;
  const stack = graph.lines[0] ? stackingOf(graph.lines[0].field) : 'none';
  const lines = stack === 'percent' ? shares(graph.lines) : graph.lines;
  const axes = [0, 1].map((axis) => yAxis(lines.find((line) => line.axis === axis)?.field, axis, stack === 'percent'));
  return {
    grid: { left: 6, right: lines.some((line) => line.axis === 1) ? 6 : 12, top: 10, bottom: 2, containLabel: true },
    xAxis: { type: 'time', min: range.start * 1000, max: range.end * 1000, axisLabel: { hideOverlap: true, fontSize: 10 }, axisPointer: { show: true, label: { show: false } }, splitLine: { show: false } },
    yAxis: axes,
    tooltip: {
      trigger: 'axis', confine: false, appendTo: 'body', axisPointer: { type: 'line', animation: false }, transitionDuration: 0,
      formatter: (points: unknown) => (graph.pointed() ? graphTooltip(points, lines, dots, panel) : ''),
    },
    series: [...withLimits(lines.map((line) => drawn(line, stack)), lines, graph.marks), ...(dots.length ? [exemplars(dots)] : [])],
  }; // prettier-ignore
}

function yAxis(field: Field | undefined, axis: number, percent: boolean): Record<string, unknown> {
  if (!field) return { type: 'value', show: false };
  const unit = percent ? 'percentunit' : field.unit;
  return {
    type: isLog(field) ? 'log' : 'value',
    position: axis === 1 ? 'right' : 'left',
    show: field.custom.axisPlacement !== 'hidden',
    name: text(field.custom.axisLabel) || undefined,
    nameTextStyle: { fontSize: 10 },
    min: percent ? 0 : (field.min ?? soft(numeric(field.custom.axisSoftMin), Math.min)),
    max: percent ? 1 : (field.max ?? soft(numeric(field.custom.axisSoftMax), Math.max)),
    scale: field.min === undefined && !percent,
    splitNumber: 4,
    axisLabel: { fontSize: 10, formatter: (value: number) => format(value, unit, percent ? undefined : field.decimals) },
    splitLine: { show: axis === 0, lineStyle: { opacity: 0.25 } },
    axisPointer: { show: false },
  };
}

/** A limit that the data may exceed. */
function soft(limit: number | undefined, of: (...values: number[]) => number): ((extent: { min: number; max: number }) => number) | undefined {
  return limit === undefined ? undefined : (extent) => of(limit, of === Math.min ? extent.min : extent.max);
}

/** Thresholds and marks stand at the first series that is drawn. */
function withLimits(series: Record<string, unknown>[], lines: readonly Line[], marks: readonly Mark[]): Record<string, unknown>[] {
  const first = lines[0];
  if (!first || !series[0]) return series;
  const style = text(at(first.field.custom.thresholdsStyle, 'mode'), 'off');
  const steps = limits(first.field, 0, 100);
  const dashed = style.includes('dashed');
  const lineData = style.includes('line') || dashed
    ? steps.filter((step) => step.value !== null).map((step) => ({ yAxis: step.value, lineStyle: { color: colorOf(step.color) ?? '#888', type: dashed ? 'dashed' : 'solid', width: 1 } }))
    : []; // prettier-ignore
  const markData = marks.map((mark) => ({ xAxis: mark.at, name: mark.title, lineStyle: { color: mark.color, type: 'dotted', width: 1 } }));
  const areas = style.includes('area')
    ? steps.map((step, index) => [{ yAxis: step.value ?? -Infinity, itemStyle: { color: colorOf(step.color) ?? 'transparent', opacity: 0.08 } }, { yAxis: steps[index + 1]?.value ?? Infinity }])
    : []; // prettier-ignore
  const marked = { markLine: { silent: true, symbol: 'none', label: { show: false }, data: [...lineData, ...markData] }, ...(areas.length && { markArea: { silent: true, data: areas } }) };
  return [{ ...series[0], ...marked }, ...series.slice(1)];
}

function exemplars(dots: readonly Dot[]): Record<string, unknown> {
  return {
    type: 'scatter', name: EXEMPLARS, symbol: 'diamond', symbolSize: 8, color: EXEMPLAR_COLOR, z: 5,
    data: dots.map((dot) => ({ value: [dot.at, dot.value], trace: dot.trace })),
  }; // prettier-ignore
}

interface Pointed {
  seriesName?: string;
  value?: [number, number | null];
  axisValue?: number;
}

function graphTooltip(given: unknown, lines: readonly Line[], dots: readonly Dot[], panel: Panel): HTMLElement | string {
  const points = (Array.isArray(given) ? given : [given]) as Pointed[];
  const known = new Map(lines.map((line) => [line.key, line]));
  const when = points[0]?.axisValue ?? points[0]?.value?.[0];
  if (when === undefined) return '';
  const rows = points.flatMap((point): (Row & { size: number })[] => {
    const line = known.get(point.seriesName ?? '');
    const value = line?.frame.spots.find((spot) => spot[0] === point.value?.[0])?.[1] ?? null;
    return line && value !== null ? [{ color: line.color, name: line.name, value: show(value, line.field).text, size: value }] : [];
  });
  const order = text(at(panel.options.tooltip, 'sort'));
  if (order === 'desc') rows.sort((a, b) => b.size - a.size);
  if (order === 'asc') rows.sort((a, b) => a.size - b.size);
  const near = points.some((point) => point.seriesName === EXEMPLARS);
  if (!rows.length && !near) return '';
  const dot = near ? dots.find((one) => one.at === points.find((point) => point.seriesName === EXEMPLARS)?.value?.[0]) : undefined;
  return tooltip(momentText(when), rows, dot ? `exemplar ${format(dot.value, lines[0]?.field.unit)}: click it to open its trace` : '');
}
