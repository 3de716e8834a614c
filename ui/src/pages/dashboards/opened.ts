/** Dashboards of files that the reader opened: this page alone holds them, until it is loaded anew. */
import { useCallback, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { moment } from '../../shared/range';
import type { Board } from './grafana/model';
import { openFile } from './grafana/open';

const KEPT = 5;
const MOST_BYTES = 20e6;
const held = new Map<string, Board>();

export const heldFile = (name: string): Board | undefined => held.get(name);

function hold(name: string, board: Board): void {
  held.delete(name);
  held.set(name, board);
  for (const old of [...held.keys()].slice(0, -KEPT)) held.delete(old);
}

async function read(file: File): Promise<Board | string> {
  if (file.size > MOST_BYTES) return `${file.name} has ${Math.round(file.size / 1e6)} MB: dashboards have ${MOST_BYTES / 1e6} MB at most.`;
  try {
    return openFile(await file.text(), file.name);
  } catch {
    return `${file.name} cannot be read: it is a folder, or it changed since.`;
  }
}

export interface Opener {
  open: (file: File) => void;
  /** Why the last file could not be opened; empty where it could. */
  fault: string;
  forget: () => void;
}

/** Opens files, at the times that they have. */
export function useOpener(): Opener {
  const [fault, setFault] = useState('');
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const open = useCallback(
    async (file: File) => {
      const board = await read(file);
      setFault(typeof board === 'string' ? board : '');
      if (typeof board === 'string') return;
      hold(file.name, board);
      const next = new URLSearchParams([...params].filter(([name]) => ['from', 'to', 'refresh'].includes(name)));
      if (moment(board.from, 0) !== null && moment(board.to, 0) !== null) {
        next.set('from', board.from);
        next.set('to', board.to);
      }
      next.set('file', file.name);
      void navigate(`/dashboards?${next.toString()}`);
    },
    [params, navigate],
  );
  const forget = useCallback(() => setFault(''), []);
  return { open: useCallback((file: File) => void open(file), [open]), fault, forget };
}
