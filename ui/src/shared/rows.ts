/** Rows that `j` and `k` walk through and Enter opens. */
import { useState } from 'react';
import { useKeys } from './keys';

/** The row that is marked; -1 for none. A focused button or link keeps its own Enter. */
export function useRows(count: number, open: (row: number) => void): number {
  const [row, setRow] = useState(-1);
  const shown = Math.min(row, count - 1);
  const go = (next: number) => {
    if (count === 0) return;
    const at = Math.max(0, Math.min(count - 1, next));
    setRow(at);
    requestAnimationFrame(() => document.querySelector(`[data-row="${at}"]`)?.scrollIntoView({ block: 'nearest' }));
  };
  useKeys({
    j: () => go(shown + 1),
    k: () => go(shown - 1),
    Enter: ({ target }) => {
      const own = target instanceof HTMLElement && target.closest('a, button, [role="button"]');
      if (own) own.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
      else if (shown >= 0) open(shown);
    },
  });
  return shown;
}
