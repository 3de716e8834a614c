/** What the queries answer: a graph over the time, or a table of now. */
import { Paper } from '@mantine/core';
import { useCallback, useMemo } from 'react';
import { useRange } from '../../shared/range';
import { Nothing } from '../../shared/states';
import { PlaceProvider, type BoardPlace } from '../dashboards/data/place';
import { readPanel } from '../dashboards/grafana/read';
import { GraphPanel } from '../dashboards/panels/Graph';
import { TablePanel } from '../dashboards/panels/TablePanel';
import { targetOf, type Answer } from './useAnswers';
import type { View } from './state';

const GRAPH = {
  type: 'timeseries', title: 'Result',
  fieldConfig: { defaults: { unit: 'short', custom: { lineWidth: 1, fillOpacity: 6, showPoints: 'auto' } } },
  options: { legend: { displayMode: 'table', calcs: ['lastNotNull', 'min', 'max', 'mean'] }, tooltip: { sort: 'desc' } },
}; // prettier-ignore
const TABLE = {
  type: 'table', title: 'Result', fieldConfig: { defaults: { unit: 'none' } },
  transformations: [{ id: 'merge', options: {} }, { id: 'organize', options: { excludeByName: { Time: true } } }],
}; // prettier-ignore

/** Lines of more series than these cannot be told apart, and take long to draw. */
const MOST_LINES = 200;

export function Results({ queries, answers, view }: { queries: readonly string[]; answers: readonly Answer[]; view: View }) {
  const range = useRange();
  const { setRange } = range;
  const zoom = useCallback((from: number, until: number) => setRange(String(Math.floor(from)), String(Math.ceil(until))), [setRange]);
  const place = useMemo<BoardPlace>(
    () => ({ title: 'Metrics', range: { start: range.start, end: range.end }, scrape: 15, chosen: {}, group: undefined, allTooltips: false, zoom, marks: [], traceIds: false }),
    [range.start, range.end, zoom],
  );
  const frames = useMemo(() => answers.flatMap((answer) => [...answer.frames]), [answers]);
  const panel = useMemo(() => ({ ...readPanel(view === 'table' ? TABLE : GRAPH, view), targets: queries.map((query, index) => targetOf(index, query, view === 'table')) }), [view, queries]);
  const asked = queries.some((query) => query.trim());
  if (!asked) return <Nothing title="Ask something">Pick a metric from the list, or write PromQL above; Ctrl-Space completes, Enter asks.</Nothing>;
  const waiting = answers.some((answer) => answer.waiting);
  if (!frames.length && waiting) return <div className="metrics-result panel-wait" role="status" aria-label="loading" />;
  if (!frames.length) return answers.some((answer) => answer.error) ? null : <Nothing title="No series in this time">Try a longer time, or fewer conditions.</Nothing>;
  const scope = { chosen: {}, times: { start: range.start, end: range.end, scrape: 15, interval: 1 }, title: 'Metrics' };
  const shown = view === 'graph' ? frames.slice(0, MOST_LINES) : frames;
  const data = { frames: shown, dots: [], lines: [], grid: answers[0]!.grid, warnings: [] };
  const Kind = view === 'table' ? TablePanel : GraphPanel;
  return (
    <PlaceProvider value={place}>
      {shown.length < frames.length && (
        <p className="metrics-note" role="note">
          {frames.length} series; the first {MOST_LINES} are drawn. The table has all; topk(10, …) or sum by (…) draws what matters.
        </p>
      )}
      <Paper withBorder className="metrics-result panel" component="section" aria-label="Result">
        <Kind panel={panel} data={data} scope={scope} width={800} height={400} />
      </Paper>
    </PlaceProvider>
  );
}
