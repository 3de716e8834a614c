/** States over time, a row for each series. Dragging over a row shows that time. */
import { useMemo, useRef, useState, type PointerEvent } from 'react';
import { inkOn } from '../data/colors';
import { fieldOf, nameOf } from '../data/fields';
import { usePlace } from '../data/place';
import { pathsOf, placed, runsOf, type Placed } from '../data/states';
import { More } from './More';
import { momentText } from './tooltip';
import type { PanelProps } from './types';

const MOST = 100;
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const SCALE = { low: 0, high: 100 };
/** Pixels of a letter, and of a drag that is meant. */
const LETTER = 7;
const MEANT = 6;

export function StatesPanel({ panel, data, scope, width }: PanelProps) {
  const { start, end } = scope.times;
  const history = panel.type === 'status-history';
  const rows = useMemo(
    () =>
      data.frames.slice(0, MOST).map((frame, index) => {
        const field = fieldOf(panel, { name: frame.name, refId: frame.refId, type: 'number' });
        const merged = !history && panel.options.mergeValues !== false;
        const runs = runsOf(frame.spots, field, { step: data.grid.step * 1000, end: end * 1000 }, SCALE, merged);
        return { key: index, name: nameOf(field, frame), runs: placed(runs, { start, end }) };
      }),
    [data, panel, history, start, end],
  );
  const texts = panel.options.showValue !== 'never';
  return (
    <>
      <div className="panel-scroll states" tabIndex={0} role="region" aria-label={`States: ${panel.title}`}>
        {rows.map((row) => (
          <div key={row.key} className="state-row">
            <span className="clip" title={row.name}>
              {row.name}
            </span>
            <Track name={row.name} runs={row.runs} range={{ start, end }} gap={history ? 0.15 : 0} room={texts ? width * 0.75 : 0} />
          </div>
        ))}
        <div className="state-row" aria-hidden="true">
          <span />
          <span className="state-times">
            {(width > 400 ? [0, 0.25, 0.5, 0.75, 1] : [0, 1]).map((part) => (
              <span key={part}>{CLOCK.format((start + (end - start) * part) * 1000)}</span>
            ))}
          </span>
        </div>
      </div>
      <More all={data.frames.length} shown={rows.length} />
    </>
  );
}

interface TrackProps {
  name: string;
  runs: readonly Placed[];
  range: { start: number; end: number };
  gap: number;
  /** Pixels for texts; 0 for none. */
  room: number;
}

function Track({ name, runs, range, gap, room }: TrackProps) {
  const { zoom } = usePlace();
  const from = useRef<number>(undefined);
  const [until, setUntil] = useState<number>();
  const [told, setTold] = useState('');
  const paths = useMemo(() => pathsOf(runs, gap), [runs, gap]);
  const shareAt = ({ clientX, currentTarget }: PointerEvent<HTMLElement>) => {
    const box = currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, (clientX - box.left) / (box.width || 1)));
  };
  const time = (share: number) => (range.start + (range.end - range.start) * share) * 1000;
  const move = (event: PointerEvent<HTMLElement>) => {
    const share = shareAt(event);
    if (from.current !== undefined) setUntil(share);
    const run = runs.find((one) => share >= one.left && share < one.left + one.width);
    setTold(run ? `${run.text}\n${momentText(run.from)}` : '');
  };
  const drop = (event: PointerEvent<HTMLElement>) => {
    const [first, last] = [from.current, shareAt(event)];
    from.current = undefined;
    setUntil(undefined);
    if (first === undefined || Math.abs(last - first) * event.currentTarget.clientWidth < MEANT) return;
    zoom(time(Math.min(first, last)), time(Math.max(first, last)));
  };
  const grab = (event: PointerEvent<HTMLElement>) => {
    if (event.pointerType === 'touch') return; // a finger scrolls
    from.current = shareAt(event);
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const drag = from.current !== undefined && until !== undefined ? [Math.min(from.current, until), Math.abs(until - from.current)] : null;
  return (
    <span className="state-track" role="img" aria-label={`${name}: ${runs.at(-1)?.text ?? 'no state'} at the end, ${runs.length} states in all`} title={told} onPointerDown={grab} onPointerMove={move} onPointerUp={drop}>
      <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
        {paths.map(([color, path]) => (
          <path key={color} d={path} fill={color} />
        ))}
      </svg>
      {runs.map(
        (run) =>
          run.width * (1 - gap) * room > run.text.length * LETTER + 6 && (
            <i key={run.from} style={{ left: `${run.left * 100}%`, width: `${run.width * 100}%`, color: inkOn(run.color) }}>
              {run.text}
            </i>
          ),
      )}
      {drag && <b style={{ left: `${drag[0]! * 100}%`, width: `${drag[1]! * 100}%` }} />}
    </span>
  );
}
