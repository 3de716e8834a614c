/** The answer of a query that counts lines rather than asking for them. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { logSeries } from '../../shared/api/logs';
import { EChart } from '../../shared/charts/EChart';
import { colours } from '../../shared/charts/palette';
import { stepFor, type RangeState } from '../../shared/range';
import { Failed, Nothing, Waiting } from '../../shared/states';
import { inline } from '../../shared/text';

const WIDTH = 600;
const MOST_NAMES = 20;

const nameOf = (labels: Readonly<Record<string, string>>) =>
  inline(Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(', ')).replace(/[{}|]/g, ' ') || 'value'; // prettier-ignore

export function SeriesChart({ query, range }: { query: string; range: RangeState }) {
  const step = stepFor(range, WIDTH);
  const { data, error, refetch } = useQuery({
    queryKey: ['log series', query, range.start, range.end, step],
    queryFn: ({ signal }) => logSeries(query, range.start, range.end, step, signal),
    placeholderData: keepPreviousData,
  });
  const names = useMemo(() => (data ?? []).map((one) => nameOf(one.metric)), [data]);
  const hues = useMemo(() => colours(names), [names]);
  const option = useMemo(
    () => ({
      grid: { left: 56, right: 12, top: 12, bottom: 24 },
      tooltip: { renderMode: 'richText', trigger: 'axis', confine: true },
      xAxis: { type: 'time', min: range.start * 1000, max: range.end * 1000, splitLine: { show: false }, axisLabel: { hideOverlap: true } },
      yAxis: { type: 'value' },
      series: (data ?? []).map((one, index) => ({
        name: names[index]!,
        type: 'line',
        showSymbol: false,
        lineStyle: { width: 1.5 },
        color: hues.get(names[index]!),
        data: (one.values ?? []).map(([at, value]) => [at * 1000, Number(value)]),
      })),
    }),
    [data, names, hues, range.start, range.end],
  );
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  if (!data.length) return <Nothing title="No series in this range">Look at a longer range, or filter less.</Nothing>;
  return (
    <>
      <div className="log-series">
        <EChart option={option} label={`${data.length} series over time`} onSelect={(from, to) => range.setRange(String(Math.floor(from)), String(Math.ceil(to)))} />
      </div>
      <ul className="log-names" aria-label="Series">
        {names.slice(0, MOST_NAMES).map((name) => (
          <li key={name}>
            <i style={{ background: hues.get(name) }} /> {name}
          </li>
        ))}
        {names.length > MOST_NAMES && <li>and {names.length - MOST_NAMES} more</li>}
      </ul>
    </>
  );
}
