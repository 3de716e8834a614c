/** Keys of the pages: `/`, `g t`, `j`, `Escape`. They rest while somebody types into a field. */
import { useEffect, useRef } from 'react';

export type Keys = Record<string, (event: KeyboardEvent) => void>;

const CHORD_MILLISECONDS = 1000;

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}

/** Two keys after each other are written with a blank: `g t`. */
export function useKeys(keys: Keys): void {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    let first = '';
    let at = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || (typing(event.target) && event.key !== 'Escape')) return;
      const chord = event.timeStamp - at < CHORD_MILLISECONDS ? `${first} ${event.key}` : '';
      const action = current.current[chord] ?? current.current[event.key];
      first = event.key;
      at = event.timeStamp;
      if (!action || event.defaultPrevented) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
