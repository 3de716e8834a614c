/** Each trace as a point: when it began, how long it took. A click opens it. */
import { useMemo } from 'react';
import type { FoundTrace } from '../../shared/api/traces';
import { EChart } from '../../shared/charts/EChart';
import { PALETTE, RED } from '../../shared/charts/palette';
import { inline } from '../../shared/text';
import { duration } from '../../shared/units';

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const SMALLEST = 0.001;

interface Props {
  traces: readonly FoundTrace[];
  start: number;
  end: number;
  onOpen: (id: string) => void;
  onRange: (from: number, to: number) => void;
}

/** In a canvas, `{a|b}` would be a style. */
const plain = (text: string) => inline(text).replace(/[{}|]/g, ' ');

export function Scatter({ traces, start, end, onOpen, onRange }: Props) {
  const option = useMemo(() => {
    const points = (failed: boolean) => traces.filter((trace) => trace.errors > 0 === failed).map((trace) => [trace.start, Math.max(SMALLEST, trace.duration), trace.id, trace.spans]);
    const byId = new Map(traces.map((trace) => [trace.id, trace]));
    const size = (value: unknown) => Math.min(22, 6 + Math.sqrt(Number((value as unknown[])[3])));
    const series = (name: string, colour: string, failed: boolean) => ({ name, type: 'scatter', data: points(failed), symbolSize: size, itemStyle: { color: colour, opacity: 0.75 } });
    const tooltip = (point: unknown) => {
      const trace = byId.get((point as { data: [number, number, string] }).data[2]);
      if (!trace) return '';
      return [`${plain(trace.service)}: ${plain(trace.name)}`, `${duration(trace.duration / 1000)}, ${trace.spans} spans, ${trace.errors} errors`, CLOCK.format(trace.start)].join('\n');
    };
    return {
      grid: { left: 60, right: 16, top: 10, bottom: 24 },
      tooltip: { renderMode: 'richText', trigger: 'item', confine: true, formatter: tooltip },
      xAxis: { type: 'time', min: start * 1000, max: end * 1000, splitLine: { show: false }, axisLabel: { hideOverlap: true } },
      yAxis: { type: 'log', axisLabel: { formatter: (value: number) => duration(value / 1000) }, splitNumber: 3 },
      series: [series('ok', PALETTE[0]!, false), series('with errors', RED, true)],
    };
  }, [traces, start, end]);
  return (
    <div className="scatter">
      <EChart
        option={option}
        label="Traces by start and duration; the table has the same"
        onClick={(event) => {
          const id = Array.isArray(event.data) ? (event.data as unknown[])[2] : undefined;
          if (typeof id === 'string') onOpen(id);
        }}
        onSelect={onRange}
      />
    </div>
  );
}
