/** The answers to the queries of the page, each on its own: one that is wrong leaves the others. */
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import * as metrics from '../../shared/api/metrics';
import { useStack } from '../../shared/api/obsctl';
import { useRange } from '../../shared/range';
import { gridOf, legendOf, sampleFrames, seriesFrames, type Frame, type Grid } from '../dashboards/data/frames';
import { useHeld } from '../dashboards/data/useHeld';
import type { Target } from '../dashboards/grafana/model';
import { timesOf } from '../dashboards/grafana/times';

export interface Answer {
  frames: readonly Frame[];
  grid: Grid;
  error: Error | null;
  warnings: readonly string[];
  waiting: boolean;
}

const POINTS = 400;
const SCRAPE = 15;
const ASKED = ['metrics'];
const NO_FRAMES: readonly Frame[] = [];

export function targetOf(index: number, expr: string, instant: boolean): Target {
  return {
    refId: String.fromCharCode(65 + (index % 26)), source: { type: 'prometheus', uid: 'metrics' }, expr, legend: '', format: instant ? 'table' : 'time_series',
    instant, exemplar: false, hidden: false, interval: '', maxLines: 0, raw: {},
  }; // prettier-ignore
}

async function answerTo(expr: string, index: number, instant: boolean, grid: Grid, end: number, signal: AbortSignal) {
  const target = targetOf(index, expr, instant);
  const legend = (labels: metrics.Labels) => legendOf('', labels, expr, true);
  if (!instant) {
    const { data, warnings } = await metrics.queryRange(expr, grid.start, grid.end, grid.step, signal);
    return { frames: data.resultType === 'matrix' ? seriesFrames(data.result, target, grid, legend) : [], warnings };
  }
  const { data, warnings } = await metrics.queryAt(expr, end, signal);
  if (data.resultType === 'vector') return { frames: sampleFrames(data.result, target, legend), warnings };
  if (data.resultType === 'matrix') return { frames: seriesFrames(data.result, target, grid, legend), warnings };
  return { frames: sampleFrames([{ metric: {}, value: data.result }], target, legend), warnings };
}

export function useAnswers(queries: readonly string[], instant: boolean): readonly Answer[] {
  const range = useHeld(useRange(), ASKED);
  const { data: stack } = useStack();
  const { interval } = timesOf(range, stack?.scrape_interval ?? SCRAPE, POINTS, null);
  const grid = gridOf(range.start, range.end, interval);
  const results = useQueries({
    queries: queries.map((query, index) => ({
      queryKey: ['metrics', query, index, instant, grid.start, grid.end, grid.step, instant ? range.end : 0],
      queryFn: ({ signal }: { signal: AbortSignal }) => answerTo(query, index, instant, grid, range.end, signal),
      enabled: query.trim() !== '',
      placeholderData: keepPreviousData,
      structuralSharing: false,
    })),
  });
  return results.map((result) => ({
    frames: result.data?.frames ?? NO_FRAMES, grid, error: result.error, warnings: result.data?.warnings ?? [], waiting: result.isFetching,
  })); // prettier-ignore
}
