/** One row of the waterfall: a span with its bar, or a log line in its place. */
import { memo } from 'react';
import { RED, readable } from '../../shared/charts/palette';
import { inline } from '../../shared/text';
import { duration } from '../../shared/units';
import { levelColour } from '../../shared/levels';
import type { LogMark, TraceModel } from './model';
import { drawn, placed, type View } from './rows';

const SECOND = 1e9;
const INDENT = 12;
const DEEPEST = 16;
const percent = (part: number) => `${(part * 100).toFixed(3)}%`;

export interface RowActions {
  choose: (span: number) => void;
  fold: (span: number) => void;
}
interface Shared {
  trace: TraceModel;
  view: View;
  top: number;
  position: number;
  actions: RowActions;
}
interface SpanProps extends Shared {
  span: number;
  colour: string;
  folded: boolean;
  chosen: boolean;
  /** Whether `find` looks for something else. */
  faded: boolean;
}

const indent = (depth: number) => ({ paddingLeft: 4 + Math.min(depth, DEEPEST) * INDENT });

export const SpanRow = memo(function SpanRow({ trace, view, top, position, span, colour, folded, chosen, faded, actions }: SpanProps) {
  const one = trace.spans[span]!;
  const below = trace.size[span]! - 1;
  const skew = Number(one.skew_ns);
  return (
    <div
      role="row"
      id={`span-${span}`}
      aria-level={trace.depth[span]! + 1}
      aria-rowindex={position + 1}
      aria-selected={chosen}
      aria-expanded={below ? !folded : undefined}
      className={`span-row${chosen ? ' chosen' : ''}${faded ? ' faded' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => actions.choose(span)}
    >
      <div role="gridcell" className="span-name" style={indent(trace.depth[span]!)}>
        {below ? (
          <button
            type="button"
            className="fold"
            tabIndex={-1}
            aria-label={folded ? `Show ${below} spans below` : `Hide ${below} spans below`}
            onClick={(event) => {
              event.stopPropagation();
              actions.fold(span);
            }}
          >
            {folded ? '▸' : '▾'}
          </button>
        ) : (
          <i className="fold" />
        )}
        <i className="dot" style={{ background: colour }} />
        {trace.error[span] ? (
          <b className="failed" title={inline(one.status.message) || 'failed'} aria-label="failed">
            !
          </b>
        ) : null}
        <span className="span-title" title={`${inline(one.service)} · ${inline(one.name)}`}>
          <b>{inline(one.service)}</b> {inline(one.name)}
        </span>
        {folded && <small className="badge">+{below}</small>}
        {one.place === 'orphan' && (
          <small className="badge warn" title={`its parent ${one.parent_span_id ?? ''} is not in the trace`}>
            parent missing
          </small>
        )}
        {one.place === 'cycle' && <small className="badge warn">cycle</small>}
        {one.place === 'duplicate' && <small className="badge warn">same id</small>}
        {skew !== 0 && (
          <small className="badge warn" title="it lies outside of its caller: their clocks differ">
            clock {skew < 0 ? '' : '+'}
            {duration(skew / SECOND)}
          </small>
        )}
      </div>
      <Bar trace={trace} view={view} span={span} colour={colour} />
    </div>
  );
});

function Bar({ trace, view, span, colour }: { trace: TraceModel; view: View; span: number; colour: string }) {
  const place = placed(trace, view, trace.at[span]!, trace.length[span]!);
  const text = duration(trace.length[span]! / SECOND);
  const critical = drawn(trace, view, trace.critical.get(span) ?? []);
  const gaps = drawn(trace, view, trace.gaps.filter((gap) => gap.span === span));
  return (
    <div role="gridcell" className="span-bars">
      {place && (
        <>
          <i className="bar" style={{ left: percent(place.left), width: percent(place.width), background: trace.error[span] ? RED : colour }} />
          <small style={place.left + place.width > 0.8 ? { right: percent(1 - place.left), paddingRight: 4 } : { left: percent(place.left + place.width), paddingLeft: 4 }}>
            {text}
          </small>
        </>
      )}
      {gaps.map((part) => (
        <i key={`g${part.left}`} className="gap" style={{ left: percent(part.left), width: percent(part.width) }} />
      ))}
      {critical.map((part) => (
        <i key={part.left} className="critical" style={{ left: percent(part.left), width: percent(part.width) }} />
      ))}
      <Marks trace={trace} view={view} span={span} />
    </div>
  );
}

/** Events and log lines of a span, as points on its bar. */
function Marks({ trace, view, span }: { trace: TraceModel; view: View; span: number }) {
  const { events } = trace.spans[span]!;
  const logs = trace.logsOf.get(span) ?? [];
  if (!events.length && !logs.length) return null;
  const points = [
    ...events.map((event) => ({ at: Number(event.offset_ns), colour: event.name === 'exception' ? RED : undefined, text: event.name })),
    ...logs.map((mark) => ({ at: mark.at, colour: levelColour(mark.log.severity.toLowerCase()), text: mark.log.body })),
  ];
  return points.slice(0, 50).map((point, index) => {
    const place = placed(trace, view, point.at, 0);
    return place && <i key={index} className="mark" title={inline(point.text)} style={{ left: percent(place.left), ...(point.colour && { background: point.colour }) }} />;
  });
}

export const LogRow = memo(function LogRow({ trace, view, top, position, mark, actions }: Shared & { mark: LogMark }) {
  const depth = mark.span < 0 ? 0 : trace.depth[mark.span]! + 1;
  const place = placed(trace, view, mark.at, 0);
  const colour = readable(levelColour(mark.log.severity.toLowerCase()));
  return (
    <div
      role="row"
      aria-level={depth + 1}
      aria-rowindex={position + 1}
      className="span-row log-row"
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => mark.span >= 0 && actions.choose(mark.span)}
    >
      <div role="gridcell" className="log-text" style={indent(depth)}>
        <b style={{ color: colour }}>{mark.log.severity || 'LOG'}</b>
        <span className="span-title" title={inline(mark.log.body)}>
          {inline(mark.log.body)}
        </span>
        <small>+{duration(mark.at / SECOND)}</small>
      </div>
      <div role="gridcell" className="span-bars">
        {place && <i className="mark" style={{ left: percent(place.left), background: colour }} />}
      </div>
    </div>
  );
});
