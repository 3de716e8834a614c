/** Log lines of a query: over time, one below the other, or as they come (`live=1`). */
import './logs.css';
import { Button, Group, Switch, Text, VisuallyHidden } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { logLabels, logLines, type LogLine } from '../../shared/api/logs';
import { useKeys } from '../../shared/keys';
import { useParamState } from '../../shared/params';
import { useRange, type RangeState } from '../../shared/range';
import { Failed, Nothing, Waiting } from '../../shared/states';
import { inline } from '../../shared/text';
import { FieldList } from './FieldList';
import { lineKeys } from './fields';
import { LogList } from './LogList';
import { asksLines, DEFAULT_QUERY, filtered, type Filter } from './query';
import { QueryForm } from './QueryForm';
import { SeriesChart } from './SeriesChart';
import { MOST_KEPT, useTailing, type Tailing } from './tailing';
import { VolumeChart } from './VolumeChart';

const FIRST = 500;
const MOST = 5000;

export default function Logs() {
  const [params, change] = useParamState();
  const range = useRange();
  const query = params.get('query') ?? DEFAULT_QUERY;
  const lines = asksLines(query);
  const live = lines && params.get('live') === '1';
  const labels = useQuery({
    queryKey: ['log labels', range.from, range.to],
    queryFn: ({ signal }) => logLabels(range.start, range.end, signal),
    staleTime: 60_000,
  });
  const found = useQuery({
    queryKey: ['lines', query, range.start, range.end, params.get('limit')],
    queryFn: ({ signal }) => logLines(query, range.start, range.end, Number(params.get('limit')) || FIRST, { signal }),
    placeholderData: keepPreviousData,
    structuralSharing: false,
    enabled: lines && !live,
  });
  const [paused, setPaused] = useState(false);
  const tailing = useTailing(live ? query : null, paused);
  const run = (next: string) => {
    change({ query: next, line: null, limit: null });
    range.reload();
  };
  return (
    <div className="fill logs-page">
      <VisuallyHidden component="h1">Logs</VisuallyHidden>
      <QueryForm query={query} labels={labels.data ?? []} range={range} error={live ? undefined : found.error} onRun={run} />
      {lines ? (
        <>
          {!live && <VolumeChart query={query} range={range} />}
          {!live && found.error ? (
            <Failed error={found.error} retry={() => void found.refetch()} />
          ) : (
            <Lines
              lines={live ? tailing.lines : found.data}
              live={live ? { ...tailing, paused, setPaused } : undefined}
              streamLabels={labels.data ?? []}
              query={query}
              range={range}
              onRun={run}
            />
          )}
        </>
      ) : (
        <SeriesChart query={query} range={range} />
      )}
    </div>
  );
}

interface LinesProps {
  lines: readonly LogLine[] | undefined;
  live: (Tailing & { paused: boolean; setPaused: (paused: boolean) => void }) | undefined;
  streamLabels: readonly string[];
  query: string;
  range: RangeState;
  onRun: (query: string) => void;
}

function Lines({ lines, live, streamLabels, query, range, onRun }: LinesProps) {
  const [params, change] = useParamState();
  const wrap = params.get('wrap') === '1';
  const fields = params.get('fields') !== '0';
  const open = params.get('line') ?? '';
  const limit = Number(params.get('limit')) || FIRST;
  const [current, setCurrent] = useState(-1);
  const keys = useRef<{ lines: readonly LogLine[] | undefined; keys: string[] }>({ lines: undefined, keys: [] });
  const openLine = (key: string) => change({ line: key }, true);
  const move = (step: number) => setCurrent((old) => Math.min((lines?.length ?? 0) - 1, Math.max(0, old + step)));
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    o: () => {
      if (keys.current.lines !== lines) keys.current = { lines, keys: lineKeys(lines ?? []) };
      const key = keys.current.keys[current];
      if (key) openLine(key === open ? '' : key);
    },
    Escape: () => openLine(''),
  });
  const onFilter = (filter: Filter, keep: boolean) => onRun(filtered(query, filter, keep));
  if (!lines) return <Waiting />;
  const stale = open !== '' && !lineKeys(lines).includes(open);
  return (
    <>
      <Group gap="sm" mb={4} className="log-tools">
        <Text size="xs" c="dimmed" role="status">
          {lines.length.toLocaleString()} {lines.length === 1 ? 'line' : 'lines'}
          {live && live.dropped > 0 && `; ${live.dropped.toLocaleString()} older ones left out (${MOST_KEPT.toLocaleString()} are kept)`}
          {!live && lines.length >= limit && `, the newest; there are more`}
        </Text>
        {!live && lines.length >= limit && limit < MOST && (
          <Button size="compact-xs" variant="default" onClick={() => change({ limit: String(Math.min(MOST, limit * 2)) }, true)}>
            Show older
          </Button>
        )}
        {live && <LiveTools live={live} />}
        <Group gap="sm" ml="auto">
          <Switch size="xs" label="Wrap" checked={wrap} onChange={() => change({ wrap: wrap ? null : '1' }, true)} />
          <Switch size="xs" label="Fields" checked={fields} onChange={() => change({ fields: fields ? '0' : null }, true)} />
          <Switch size="xs" label="Live" checked={live !== undefined} onChange={() => change({ live: live ? null : '1', line: null })} />
        </Group>
      </Group>
      {stale && !live && <Lost open={open} range={range} />}
      {lines.length ? (
        <div className="logs-body">
          <LogList {...{ lines, wrap, open, current, streamLabels, onFilter }} onOpen={openLine} onLeave={() => live?.setPaused(true)} />
          {fields && <FieldList lines={lines} streamLabels={streamLabels} onFilter={onFilter} />}
        </div>
      ) : live ? (
        <Nothing title="Waiting for lines">They are shown as they come.</Nothing>
      ) : (
        <Nothing title="No lines in this range">Look at a longer range, or filter less.</Nothing>
      )}
    </>
  );
}

function LiveTools({ live }: { live: NonNullable<LinesProps['live']> }) {
  return (
    <>
      <Button size="compact-xs" variant={live.paused ? 'filled' : 'default'} onClick={() => live.setPaused(!live.paused)}>
        {live.paused ? `Go on${live.waiting ? ` (${live.waiting} new)` : ''}` : 'Pause'}
      </Button>
      {live.trouble && (
        <Text size="xs" c="red" role="alert">
          {inline(live.trouble)}; it is tried again.
        </Text>
      )}
    </>
  );
}

/** A link to a line leads to a range that may lack it. */
function Lost({ open, range }: { open: string; range: RangeState }) {
  const at = /^\d+/.exec(open)?.[0];
  return (
    <Text size="xs" c="orange" role="status">
      The line of the link is not among these.{' '}
      {at && (
        <Button size="compact-xs" variant="default" onClick={() => around(range, BigInt(at))}>
          Show its time
        </Button>
      )}
    </Text>
  );
}

function around(range: RangeState, at: bigint): void {
  const milliseconds = Number(at / 1_000_000n);
  range.setRange(String(milliseconds - 30_000), String(milliseconds + 30_000));
}
