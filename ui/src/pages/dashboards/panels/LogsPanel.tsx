/** Log lines, newest first unless the panel asks for the oldest; a click shows everything that is known of one. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { Link } from 'react-router';
import type { LogLine } from '../../../shared/api/logs';
import { to, useHref } from '../../../shared/links';
import { fieldsOf, levelColor, levelOf, messageOf } from '../data/lines';
import { flag } from '../grafana/json';
import { momentText } from './tooltip';
import type { PanelProps } from './types';

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false });

export function LogsPanel({ panel, data }: PanelProps) {
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const lines = useMemo(() => {
    const newest = [...data.lines].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
    return panel.options.sortOrder === 'Ascending' ? newest.reverse() : newest;
  }, [data.lines, panel.options.sortOrder]);
  const keys = useMemo(() => keysOf(lines), [lines]);
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => box.current, estimateSize: () => 22, overscan: 10, getItemKey: (index) => keys[index]! });
  const toggle = (key: string) =>
    setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const wrap = flag(panel.options.wrapLogMessage, true);
  return (
    <div ref={box} className="panel-scroll" tabIndex={0} role="region" aria-label={`Log lines: ${panel.title}`}>
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {rows.getVirtualItems().map((row) => {
          const line = lines[row.index]!;
          const key = keys[row.index]!;
          return (
            <div key={key} ref={rows.measureElement} data-index={row.index} className="log-row" style={{ transform: `translateY(${row.start}px)`, borderLeftColor: levelColor(levelOf(line)) }}>
              <button type="button" className={wrap ? 'log-line wrap' : 'log-line'} aria-expanded={open.has(key)} onClick={() => toggle(key)}>
                <time title={momentText(Number(line.at / 1_000_000n))}>{CLOCK.format(Number(line.at / 1_000_000n))}</time>
                <b>{line.labels.service_name}</b>
                <span>{messageOf(line.line)}</span>
              </button>
              {open.has(key) && <Details line={line} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Keys that stay when newer lines come before: the moment, the stream, and a number among equals. */
function keysOf(lines: readonly LogLine[]): string[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const base = `${line.at}-${line.labels.service_name ?? ''}-${line.line.length}`;
    const number = (seen.get(base) ?? 0) + 1;
    seen.set(base, number);
    return `${base}-${number}`;
  });
}

function Details({ line }: { line: LogLine }) {
  const href = useHref();
  return (
    <dl className="log-details">
      {fieldsOf(line).map(([name, value], index) => (
        <div key={`${name}-${index}`}>
          <dt>{name}</dt>
          <dd>{name === 'trace_id' ? <Link to={href(to.trace(value))}>{value}</Link> : value}</dd>
        </div>
      ))}
    </dl>
  );
}
