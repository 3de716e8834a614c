/** Log lines, the newest first; only those in sight are in the page. */
import { readable } from '../../shared/charts/palette';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useMemo, useRef, type UIEvent } from 'react';
import { Link } from 'react-router';
import type { LogLine } from '../../shared/api/logs';
import { levelColour } from '../../shared/levels';
import { to, useHref } from '../../shared/links';
import { inline, visible } from '../../shared/text';
import { clock, utc } from './clock';
import { lineKeys, parsedLine } from './fields';
import { LineDetails, type OnFilter } from './LineDetails';

const ROW = 24;

interface Props {
  lines: readonly LogLine[];
  wrap: boolean;
  /** The key of the line that is open; empty for none. */
  open: string;
  current: number;
  streamLabels: readonly string[];
  onOpen: (key: string) => void;
  onFilter: OnFilter;
  /** Told when the reader scrolls away from the newest lines. */
  onLeave: () => void;
}

export function LogList({ lines, wrap, open, current, streamLabels, onOpen, onFilter, onLeave }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const keys = useMemo(() => lineKeys(lines), [lines]);
  const list = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 12,
    getItemKey: (index) => keys[index]!,
  });
  const place = open ? keys.indexOf(open) : -1;
  const found = place >= 0;
  useEffect(() => {
    if (found) list.scrollToIndex(keys.indexOf(open), { align: 'auto' });
    // Only when another line is opened: the list may grow above it.
  }, [open, found]); // eslint-disable-line react-hooks/exhaustive-deps
  useEffect(() => {
    if (current >= 0) list.scrollToIndex(current, { align: 'auto' });
  }, [current, list]);
  useEffect(() => list.measure(), [wrap, list]);
  const onScroll = (event: UIEvent<HTMLDivElement>) => event.currentTarget.scrollTop > ROW * 2 && onLeave();
  return (
    <div ref={box} className={`log-list${wrap ? ' wrapped' : ''}`} role="list" aria-label="Log lines" tabIndex={0} onScroll={onScroll}>
      <div role="presentation" style={{ height: list.getTotalSize(), position: 'relative' }}>
        {list.getVirtualItems().map((item) => {
          const line = lines[item.index]!;
          const key = keys[item.index]!;
          return (
            <div
              key={key}
              ref={list.measureElement}
              data-index={item.index}
              role="listitem"
              aria-setsize={lines.length}
              aria-posinset={item.index + 1}
              className={`log-line${item.index === current ? ' chosen' : ''}${key === open ? ' open' : ''}`}
              style={{ transform: `translateY(${item.start}px)`, borderLeftColor: levelColour(parsedLine(line).level) }}
            >
              <Summary line={line} name={key} open={key === open} onOpen={onOpen} wrap={wrap} />
              {key === open && <LineDetails line={line} streamLabels={streamLabels} onFilter={onFilter} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface SummaryProps {
  line: LogLine;
  name: string;
  open: boolean;
  wrap: boolean;
  onOpen: (key: string) => void;
}

const Summary = memo(function Summary({ line, name, open, wrap, onOpen }: SummaryProps) {
  const link = useHref();
  const { level, message, traceId, spanId } = parsedLine(line);
  return (
    <div className="log-summary">
      <button type="button" aria-expanded={open} onClick={() => onOpen(open ? '' : name)}>
        <time dateTime={new Date(Number(line.at / 1_000_000n)).toISOString()} title={utc(line.at)}>
          {clock(line.at)}
        </time>
        <span className="level" style={{ color: readable(levelColour(level)) }}>
          {level === 'unknown' ? '' : level}
        </span>
        <b>{inline(line.labels.service_name ?? line.labels.job ?? line.labels.app ?? '')}</b>
        <span className="message">{wrap ? visible(message) : inline(message.slice(0, 1000))}</span>
      </button>
      {traceId && (
        <Link to={link(to.trace(traceId, spanId || undefined))} className="to-trace" title={`Open trace ${traceId}`} aria-label={`Open trace ${traceId}`}>
          trace
        </Link>
      )}
    </div>
  );
});
