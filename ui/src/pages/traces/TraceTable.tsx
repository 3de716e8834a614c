/** The traces that a search found; only the rows in sight are in the page. */
import { Checkbox, Text } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import type { FoundTrace } from '../../shared/api/traces';
import { to, useHref } from '../../shared/links';
import { inline } from '../../shared/text';
import { Time } from '../../shared/Time';
import { duration } from '../../shared/units';
import { SORTS, type Sort } from './search';

const ROW = 44;

interface Props {
  traces: readonly FoundTrace[];
  colours: ReadonlyMap<string, string>;
  current: number;
  picked: readonly string[];
  sort: Sort;
  onPick: (id: string) => void;
  onSort: (sort: Sort) => void;
}

export function TraceTable({ traces, colours, current, picked, sort, onPick, onSort }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({ count: traces.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 8 });
  useEffect(() => {
    if (current >= 0) list.scrollToIndex(current);
  }, [current, list]);
  const longest = traces.reduce((most, trace) => Math.max(most, trace.duration), 0.001);
  return (
    <div className="trace-table" role="table" aria-label="Traces" aria-rowcount={traces.length + 1}>
      <Head sort={sort} onSort={onSort} />
      <div ref={box} className="trace-rows" role="rowgroup" tabIndex={-1}>
        <div role="presentation" style={{ height: list.getTotalSize(), position: 'relative' }}>
          {list.getVirtualItems().map((item) => {
            const trace = traces[item.index]!;
            return (
              <div
                key={trace.id}
                role="row"
                aria-rowindex={item.index + 2}
                className={`trace-row${item.index === current ? ' chosen' : ''}`}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <Found trace={trace} colours={colours} longest={longest} picked={picked.includes(trace.id)} onPick={onPick} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Head({ sort, onSort }: { sort: Sort; onSort: (sort: Sort) => void }) {
  const by = (one: Sort, text: string) => (
    <button type="button" className="sort" onClick={() => onSort(one)} aria-label={`Sort by ${text}`}>
      {text}
      {sort === one ? ' ▾' : ''}
    </button>
  );
  const sortState = (one: Sort) => (sort === one ? 'descending' : 'none');
  const [newest, longest, errors, spans] = SORTS;
  return (
    <div role="rowgroup">
      <div role="row" className="trace-row head">
        <span role="columnheader" className="pick" aria-label="Compare" />
        <span role="columnheader" className="root">
          Root
        </span>
        <span role="columnheader" className="services">
          Services
        </span>
        <span role="columnheader" className="count" aria-sort={sortState(spans)}>
          {by(spans, 'spans')}
        </span>
        <span role="columnheader" className="count" aria-sort={sortState(errors)}>
          {by(errors, 'errors')}
        </span>
        <span role="columnheader" className="took" aria-sort={sortState(longest)}>
          {by(longest, 'duration')}
        </span>
        <span role="columnheader" className="when" aria-sort={sortState(newest)}>
          {by(newest, 'start')}
        </span>
      </div>
    </div>
  );
}

interface FoundProps {
  trace: FoundTrace;
  colours: ReadonlyMap<string, string>;
  longest: number;
  picked: boolean;
  onPick: (id: string) => void;
}

function Found({ trace, colours, longest, picked, onPick }: FoundProps) {
  const link = useHref();
  const name = trace.name ? `${inline(trace.service)}: ${inline(trace.name)}` : 'root span not found';
  return (
    <>
      <span role="cell" className="pick">
        <Checkbox size="xs" checked={picked} onChange={() => onPick(trace.id)} aria-label={`Compare ${name} ${trace.id.slice(0, 8)}`} />
      </span>
      <span role="cell" className="root">
        <Link className="plain clip" to={link(to.trace(trace.id))} title={name}>
          <b>{name}</b>
        </Link>
        <small className="mono">{trace.id.slice(0, 16)}</small>
      </span>
      <span role="cell" className="services clip">
        {trace.services.map((service) => (
          <span key={service} className="service">
            <i className="dot" style={{ background: colours.get(service) ?? '#888' }} />
            {inline(service)}
          </span>
        ))}
      </span>
      <span role="cell" className="count">
        {trace.spans}
      </span>
      <span role="cell" className="count">
        <Text span size="xs" c={trace.errors ? 'red' : 'dimmed'} fw={trace.errors ? 700 : 400}>
          {trace.errors}
        </Text>
      </span>
      <span role="cell" className="took">
        {duration(trace.duration / 1000)}
        <i className="took-bar" style={{ width: `${(trace.duration / longest) * 100}%` }} />
      </span>
      <span role="cell" className="when">
        <Time milliseconds={trace.start} short />
      </span>
    </>
  );
}
