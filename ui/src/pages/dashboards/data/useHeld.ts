/** The range of times to ask about: the clock moves it on only when nothing is under way, so that slow answers arrive. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Range, RangeState } from '../../../shared/range';

/** `kinds` are the first words of the keys of the queries that are waited for. */
export function useHeld(range: RangeState, kinds: readonly string[]): Range {
  const client = useQueryClient();
  const [held, setHeld] = useState<Range & { chosen: string }>({ start: range.start, end: range.end, chosen: `${range.from}|${range.to}` });
  const { start, end } = range;
  const chosen = `${range.from}|${range.to}`;
  const waitedFor = kinds.join(' ');
  useEffect(() => {
    setHeld((old) => {
      const busy = waitedFor.split(' ').some((kind) => client.isFetching({ queryKey: [kind] }) > 0);
      return old.chosen === chosen && (busy || (old.start === start && old.end === end)) ? old : { start, end, chosen };
    });
  }, [client, start, end, chosen, waitedFor]);
  return held;
}
