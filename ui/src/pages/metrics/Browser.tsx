/** Families of metrics with their type, help, unit and number of series; a long list is virtual. */
import { Badge, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import * as metrics from '../../shared/api/metrics';
import { useKeys } from '../../shared/keys';
import { useRange } from '../../shared/range';
import { Failed, Nothing, Waiting } from '../../shared/states';
import { familiesOf, matching, type Family } from './families';

const ROW = 56;
const ALIGNED = 300;

export function useFamilies() {
  const range = useRange();
  const start = Math.floor(range.start / ALIGNED) * ALIGNED;
  const end = Math.ceil(range.end / ALIGNED) * ALIGNED;
  const names = useQuery({ queryKey: ['names', start, end], queryFn: ({ signal }) => metrics.labelValues('__name__', [], start, end, signal), staleTime: 60_000 });
  const about = useQuery({ queryKey: ['metadata'], queryFn: ({ signal }) => metrics.metadata(signal), staleTime: 60_000 });
  const counts = useQuery({ queryKey: ['series-counts'], queryFn: ({ signal }) => metrics.instant('count by (__name__) ({__name__!=""})', undefined, signal), staleTime: 60_000 });
  const families = useMemo(() => {
    const known = counts.data ? new Map(counts.data.map(({ metric, value }) => [metric.__name__ ?? '', Number(value?.[1] ?? 0)])) : null;
    return names.data ? familiesOf(names.data, about.data ?? {}, known) : undefined;
  }, [names.data, about.data, counts.data]);
  return { families, error: names.error, again: () => void names.refetch() };
}

export function Browser({ onPick }: { onPick: (family: Family) => void }) {
  const { families, error, again } = useFamilies();
  const [words, setWords] = useState('');
  const [current, setCurrent] = useState(-1);
  const box = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => matching(families ?? [], words), [families, words]);
  const rows = useVirtualizer({ count: shown.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 8 });
  const move = (by: number) => {
    const next = Math.min(shown.length - 1, Math.max(0, current + by));
    setCurrent(next);
    rows.scrollToIndex(next);
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-index="${next}"] button`)?.focus());
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
  return (
    <aside className="metrics-browser" aria-label="Metrics that there are">
      <TextInput size="xs" aria-label="Find a metric" placeholder="Find a metric" value={words} onChange={(event) => setWords(event.currentTarget.value)} mb={6} onKeyDown={(event) => event.key === 'Enter' && shown[0] && onPick(shown[0])} />
      {error && <Failed error={error} retry={again} />}
      {!families && !error && <Waiting />}
      {families && !shown.length && <Nothing title={families.length ? 'No metric has these words' : 'No metrics yet'}>{families.length ? 'Use fewer of them.' : 'The page Start says how a service sends them.'}</Nothing>}
      <div ref={box} className="metrics-list">
        <ul style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const family = shown[row.index]!;
            return (
              <li key={family.name} data-index={row.index} style={{ transform: `translateY(${row.start}px)`, height: ROW }}>
                <button type="button" onClick={() => onPick(family)} title={`${family.name}\n${family.help}`}>
                  <span className="clip mono">{family.name}</span>
                  <span className="clip metrics-help">{family.help || 'no help'}</span>
                  <span className="metrics-facts">
                    <Badge size="xs" variant="light" color="gray" tt="none">
                      {family.type}
                    </Badge>
                    {family.unit && <Text size="xs">{family.unit}</Text>}
                    <Text size="xs" c="dimmed">
                      {family.series === null ? '' : `${family.series} series`}
                    </Text>
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </aside>
  );
}
