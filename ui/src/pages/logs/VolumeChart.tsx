/** Lines over time, by level. Dragging selects a range. */
import { useQuery, keepPreviousData } from '@tanstack/react-query';
import { useMemo } from 'react';
import { logSeries } from '../../shared/api/logs';
import { EChart } from '../../shared/charts/EChart';
import { levelColour } from '../../shared/levels';
import { stepFor, type RangeState } from '../../shared/range';
import { volumeQuery } from './query';
import { grid, volumeOf } from './volume';

const WIDTH = 240;

export function VolumeChart({ query, range }: { query: string; range: RangeState }) {
  const step = stepFor(range, WIDTH);
  const { first, last } = grid(range, step);
  const { data } = useQuery({
    queryKey: ['log volume', query, first, last, step],
    queryFn: ({ signal }) => logSeries(volumeQuery(query, step), first, last, step, signal),
    placeholderData: keepPreviousData,
  });
  const volume = useMemo(() => volumeOf(data ?? [], { start: first - step, end: last }, step), [data, first, last, step]);
  const option = useMemo(
    () => ({
      grid: { left: 44, right: 8, top: 8, bottom: 20 },
      tooltip: { renderMode: 'richText', trigger: 'axis', confine: true },
      xAxis: { type: 'time', min: (first - step) * 1000, max: last * 1000, splitLine: { show: false }, axisLabel: { hideOverlap: true } },
      yAxis: { type: 'value', splitNumber: 2, minInterval: 1 },
      series: volume.counts.map(({ level, values }) => ({
        name: level,
        type: 'bar',
        stack: 'lines',
        barWidth: '80%',
        itemStyle: { color: levelColour(level) },
        data: values.map((count, index) => [(volume.times[index]! - step / 2) * 1000, count]),
      })),
    }),
    [volume, first, last, step],
  );
  const spoken = volume.counts.map(({ level, values }) => `${values.reduce((a, b) => a + b, 0)} ${level}`).join(', ');
  return (
    <div className="log-volume">
      <EChart
        option={option}
        label={`Lines over time by level: ${spoken || 'none'}`}
        onSelect={(from, to) => range.setRange(String(Math.floor(from)), String(Math.ceil(to)))}
      />
    </div>
  );
}
