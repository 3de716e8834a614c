/** Watching a run: each check as it is judged. */
import { useEffect, useState } from 'react';
import { EVENTS, type Judged } from './api';

export interface Ended {
  id: string;
  verdict: string;
  error?: string;
  hint?: string;
}

/** What was judged so far. `onDone` is called once at its end. */
export function useLive(id: string | null, onDone: (ended: Ended) => void): readonly Judged[] {
  const [judged, setJudged] = useState<{ id: string; checks: readonly Judged[] }>({ id: '', checks: [] });
  useEffect(() => {
    if (id === null) return undefined;
    const source = new EventSource(EVENTS);
    let checks: Judged[] = [];
    // The server tells a run from its begin, also to who asks again.
    source.onopen = () => {
      checks = [];
    };
    source.addEventListener('check', (event: MessageEvent<string>) => {
      checks = [...checks, JSON.parse(event.data) as Judged];
      setJudged({ id, checks });
    });
    source.addEventListener('done', (event: MessageEvent<string>) => {
      source.close();
      onDone(JSON.parse(event.data) as Ended);
    });
    return () => source.close();
  }, [id, onDone]);
  return judged.id === id ? judged.checks : [];
}
