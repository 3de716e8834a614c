/** The spans of a trace below each other on one scale of time; only the rows in sight are in the page. */
import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { duration } from '../../shared/units';
import type { TraceModel } from './model';
import { isLog, type Folded, type Row, type View } from './rows';
import { LogRow, SpanRow, type RowActions } from './WaterfallRow';

export const ROW = 24;
const TICKS = [0, 0.25, 0.5, 0.75];
const SECOND = 1e9;

interface Props {
  trace: TraceModel;
  rows: readonly Row[];
  colours: readonly string[];
  view: View;
  folded: Folded;
  chosen: number;
  hits: ReadonlySet<number> | undefined;
  actions: RowActions;
  onKey: (event: KeyboardEvent) => void;
}

export function Waterfall({ trace, rows, colours, view, folded, chosen, hits, actions, onKey }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 10 });
  const place = rows.indexOf(chosen);
  useEffect(() => {
    if (place >= 0) list.scrollToIndex(place, { align: 'auto' });
  }, [place, list]);
  const row = (item: VirtualItem): ReactNode => {
    const shown = rows[item.index]!;
    const common = { trace, view, top: item.start, position: item.index, actions };
    if (isLog(shown)) return <LogRow key={shown} {...common} mark={trace.logs[~shown]!} />;
    const colour = colours[trace.service[shown]!]!;
    const state = { folded: folded.has(shown), chosen: shown === chosen, faded: hits !== undefined && !hits.has(shown) };
    return <SpanRow key={shown} {...common} span={shown} colour={colour} {...state} />;
  };
  return (
    <>
      <Scale trace={trace} view={view} />
      <div
        ref={box}
        className="waterfall"
        role="treegrid"
        aria-label="Spans"
        aria-rowcount={rows.length}
        aria-activedescendant={place >= 0 && chosen >= 0 ? `span-${chosen}` : undefined}
        tabIndex={0}
        onKeyDown={onKey}
      >
        <div role="rowgroup" style={{ height: list.getTotalSize(), position: 'relative' }}>
          {list.getVirtualItems().map(row)}
        </div>
      </div>
    </>
  );
}

function Scale({ trace, view }: { trace: TraceModel; view: View }) {
  return (
    <div className="scale">
      <div className="span-name">Service and operation</div>
      <div className="span-bars">
        {TICKS.map((tick) => (
          <span key={tick} style={{ left: `${tick * 100}%` }}>
            {duration(((view.from + tick * (view.to - view.from)) * trace.duration) / SECOND)}
          </span>
        ))}
      </div>
    </div>
  );
}
