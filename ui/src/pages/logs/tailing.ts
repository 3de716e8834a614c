/** Lines of a live tail: the newest first, and no more than a bound. Pure, and the hook that fills it. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { tail, type LogLine } from '../../shared/api/logs';

export const MOST_KEPT = 2000;
const EVERY_MILLISECONDS = 250;
const AGAIN_MILLISECONDS = 3000;

export interface Kept {
  lines: readonly LogLine[];
  /** Lines that came and are no longer kept. */
  dropped: number;
}
export const EMPTY: Kept = { lines: [], dropped: 0 };

/** The kept lines with those that came, the newest first; lines of one moment stay in the order in which they came. */
export function keep(old: Kept, came: readonly LogLine[], most = MOST_KEPT): Kept {
  if (!came.length) return old;
  const newest = [...came].reverse().sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? 1 : -1));
  const late = old.lines.length > 0 && newest[newest.length - 1]!.at < old.lines[0]!.at;
  const all = [...newest, ...old.lines];
  if (late) all.sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? 1 : -1));
  return { lines: all.slice(0, most), dropped: old.dropped + Math.max(0, all.length - most) };
}

export interface Tailing extends Kept {
  /** Lines that came while it was paused. */
  waiting: number;
  /** Why nothing comes; empty while it does. */
  trouble: string;
}

/** Follows a query while it is set. While `paused`, what is shown stays, and what comes waits (within the same bound). */
export function useTailing(query: string | null, paused: boolean): Tailing {
  const [shown, setShown] = useState<Kept>(EMPTY);
  const [waiting, setWaiting] = useState(0);
  const [trouble, setTrouble] = useState('');
  const came = useRef<LogLine[]>([]);
  const lost = useRef(0);
  const add = useCallback((lines: LogLine[]) => {
    came.current.push(...lines);
    const over = came.current.length - MOST_KEPT;
    if (over > 0) {
      came.current.splice(0, over);
      lost.current += over;
    }
  }, []);
  useEffect(() => {
    came.current = [];
    lost.current = 0;
    setShown(EMPTY);
    setTrouble('');
    if (query === null) return undefined;
    let stop: () => void = () => undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = () => {
      stop = tail(query, add, (reason) => {
        setTrouble(reason);
        timer = setTimeout(() => {
          setTrouble('');
          begin();
        }, AGAIN_MILLISECONDS);
      });
    };
    begin();
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [query, add]);
  useEffect(() => {
    if (query === null) return undefined;
    const flush = () => {
      setWaiting(paused ? came.current.length : 0);
      if (paused || !came.current.length) return;
      const lines = came.current;
      const dropped = lost.current;
      came.current = [];
      lost.current = 0;
      setShown((old) => {
        const next = keep(old, lines);
        return { ...next, dropped: next.dropped + dropped };
      });
    };
    flush();
    const every = setInterval(flush, EVERY_MILLISECONDS);
    return () => clearInterval(every);
  }, [query, paused]);
  return { ...shown, waiting, trouble };
}
