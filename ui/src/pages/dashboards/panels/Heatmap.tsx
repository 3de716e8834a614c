/** How many values fell into which bucket, over time. */
import { useCallback, useMemo, useRef } from 'react';
import { useComputedColorScheme } from '@mantine/core';
import { useNavigate } from 'react-router';
import { EChart, type ChartEvent } from '../../../shared/charts/EChart';
import { to, useHref } from '../../../shared/links';
import { format, short } from '../../../shared/units';
import { bucketsOf, type Buckets } from '../data/buckets';
import { fieldOf } from '../data/fields';
import type { Dot } from '../data/frames';
import { usePlace } from '../data/place';
import { at, numeric, text } from '../grafana/json';
import { EXEMPLARS } from './graph';
import { momentText, tooltip } from './tooltip';
import type { PanelProps } from './types';

const LIGHT = ['#fff1e3', '#fdd0a2', '#fd8d3c', '#d94801', '#7f2704'];
const DARK = ['#3a2313', '#7f2704', '#d94801', '#fd8d3c', '#fee6ce'];
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export function HeatmapPanel({ panel, data }: PanelProps) {
  const { zoom, group } = usePlace();
  const over = useRef(false);
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const navigate = useNavigate();
  const href = useHref();
  const cumulative = data.frames.some((frame) => frame.target.format === 'heatmap') || data.frames.every((frame) => frame.labels.le !== undefined);
  const buckets = useMemo(() => bucketsOf(data.frames, cumulative), [data.frames, cumulative]);
  const unit = text(at(panel.options.yAxis, 'unit')) || fieldOf(panel, { name: '' }).unit;
  const exponent = at(panel.options.color, 'scale') === 'linear' ? 1 : (numeric(at(panel.options.color, 'exponent')) ?? 0.5);
  const option = useMemo(
    () => heatmapOption({ buckets, unit, exponent, ramp: scheme === 'dark' ? DARK : LIGHT, dots: data.dots, cumulative, pointed: () => over.current }),
    [buckets, unit, exponent, scheme, data.dots, cumulative],
  );
  const { times } = buckets;
  const select = useCallback(
    (from: number, until: number) => {
      const first = times[Math.max(0, Math.floor(from))];
      const last = times[Math.min(times.length - 1, Math.ceil(until))];
      if (over.current && first !== undefined && last !== undefined && last > first) zoom(first, last);
    },
    [times, zoom],
  );
  const open = useCallback(
    (event: ChartEvent) => {
      const trace = text(at(event.data, 'trace'));
      if (over.current && trace) void navigate(href(to.trace(trace)));
    },
    [navigate, href],
  );
  return (
    <div className="panel-chart" onPointerEnter={() => (over.current = true)} onPointerLeave={() => (over.current = false)}>
      <EChart option={option} label={`Heatmap: ${panel.title}`} {...(group && { group: `${group}-heatmaps` })} onSelect={select} onClick={open} />
    </div>
  );
}

interface Heat {
  buckets: Buckets;
  unit: string;
  exponent: number;
  ramp: readonly string[];
  dots: readonly Dot[];
  cumulative: boolean;
  pointed: () => boolean;
}

interface Pointed {
  seriesName?: string;
  value?: readonly number[];
}

function heatmapOption({ buckets, unit, exponent, ramp, dots, cumulative, pointed }: Heat): Record<string, unknown> {
  const { times, limits, cells, most } = buckets;
  const named = (limit: string) => (cumulative ? `≤ ${format(limit === '+Inf' ? Infinity : Number(limit), unit)}` : limit);
  const formatter = (point: Pointed) => {
    const [column = 0, row = 0, count = 0] = point.value ?? [];
    if (!pointed()) return '';
    if (point.seriesName === EXEMPLARS) return tooltip(momentText(times[column] ?? 0), [], `exemplar ${format(point.value?.[2], unit)}: click it to open its trace`);
    return tooltip(momentText(times[column] ?? 0), [{ color: ramp.at(-2)!, name: named(limits[row] ?? ''), value: short(count) }]);
  };
  return {
    grid: { left: 6, right: 12, top: 10, bottom: 2, containLabel: true },
    xAxis: { type: 'category', data: times, axisTick: { show: false }, axisLabel: { hideOverlap: true, fontSize: 10, formatter: (value: string) => CLOCK.format(Number(value)) } },
    yAxis: { type: 'category', data: limits, axisTick: { show: false }, axisLabel: { fontSize: 10, hideOverlap: true, formatter: named } },
    visualMap: { show: false, min: 0, max: most ** exponent || 1, dimension: 3, seriesIndex: 0, inRange: { color: ramp } },
    tooltip: { appendTo: 'body', transitionDuration: 0, formatter },
    series: [
      { type: 'heatmap', name: 'count', data: cells.map(([column, row, count]) => [column, row, count, count ** exponent]), progressive: 0, itemStyle: { borderWidth: 0 }, emphasis: { disabled: true } },
      ...(dots.length ? [{ type: 'scatter', name: EXEMPLARS, symbol: 'diamond', symbolSize: 7, color: '#b877d9', z: 5, data: spotted(dots, times, limits) }] : []),
    ],
  }; // prettier-ignore
}

/** Exemplars in the cell of their bucket. */
function spotted(dots: readonly Dot[], times: readonly number[], limits: readonly string[]) {
  const step = (times[1] ?? 0) - (times[0] ?? 0) || 1;
  return dots.flatMap((dot) => {
    const column = Math.round((dot.at - (times[0] ?? 0)) / step);
    const row = limits.findIndex((limit) => limit === '+Inf' || Number(limit) >= dot.value);
    return row < 0 || column < 0 || column >= times.length ? [] : [{ value: [column, row, dot.value], trace: dot.trace }];
  });
}
