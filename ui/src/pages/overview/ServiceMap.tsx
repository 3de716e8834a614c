/** Services and their calls, as a drawing of our own: names are text, the places are always the same. */
import { useMemo, type KeyboardEvent } from 'react';
import { curve, labelSpots, layout, NODE, type Point } from './layout';
import { durationText, health, percent, rateText, type Edge, type Red } from './sources';

const LABEL = { width: 96, height: 26 };
/** What a label keeps free: one that stands right below another reads as a part of it. */
const LABEL_ROOM = { width: 108, height: 32 };
const LETTER = 6;
const NAME_LETTERS = 18;

export const clipped = (name: string, letters = NAME_LETTERS): string => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name);
export const edgeKey = (edge: Pick<Edge, 'from' | 'to'>): string => `${edge.from} → ${edge.to}`;

interface Props {
  edges: readonly Edge[];
  rows: readonly Red[];
  /** A service, or an edge's key. */
  picked: string;
  onPick: (what: string) => void;
}

/** Calls of several kinds between two services are one line. */
export function joined(edges: readonly Edge[]): Edge[] {
  const found = new Map<string, Edge>();
  for (const edge of edges) {
    const other = found.get(edgeKey(edge));
    if (!other) {
      found.set(edgeKey(edge), edge);
      continue;
    }
    const rate = (other.rate ?? 0) + (edge.rate ?? 0);
    const failures = (one: Edge) => (one.failed ?? 0) * (one.rate ?? 0);
    const failed = rate && (other.failed !== null || edge.failed !== null) ? (failures(other) + failures(edge)) / rate : null;
    const slow = [other.p95, edge.p95].filter((one) => one !== null);
    found.set(edgeKey(edge), { ...other, rate, failed, p95: slow.length ? Math.max(...slow) : null });
  }
  return [...found.values()];
}

export function ServiceMap({ edges, rows, picked, onPick }: Props) {
  const lines = useMemo(() => joined(edges), [edges]);
  // Where things stand depends on who calls whom, not on how often.
  const shape = JSON.stringify([rows.map((row) => row.service), lines.map(({ from, to }) => ({ from, to }))]);
  const made = useMemo(() => {
    const [services, calls] = JSON.parse(shape) as [string[], Edge[]];
    const places = layout(services, calls);
    return { ...places, spots: labelSpots(places.paths, LABEL_ROOM) };
  }, [shape]);
  const red = new Map(rows.map((row) => [row.service, row]));
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label="Service map">
      <svg className="map" width={made.width} height={made.height} viewBox={`0 0 ${made.width} ${made.height}`} style={{ margin: '0 auto' }}>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto-start-reverse">
            <path d="M0 0L8 4L0 8z" fill="var(--mantine-color-gray-5)" />
          </marker>
        </defs>
        {lines.map((edge, at) => (
          <Line key={edgeKey(edge)} edge={edge} path={made.paths[at]!} node={made.nodes.get(edge.from)!} picked={picked} onPick={onPick} />
        ))}
        {lines.map((edge, at) => (
          <LineLabel key={edgeKey(edge)} edge={edge} spot={made.spots[at]!} />
        ))}
        {[...made.nodes].map(([name, place]) => (
          <Node key={name} name={name} place={place} row={red.get(name)} picked={picked} onPick={onPick} />
        ))}
      </svg>
    </div>
  );
}

/** What makes a group of SVG a button. */
function button(label: string, what: string, { picked, onPick }: Pick<Props, 'picked' | 'onPick'>) {
  const press = () => onPick(picked === what ? '' : what);
  return {
    role: 'button',
    tabIndex: 0,
    'aria-label': label,
    'aria-pressed': picked === what,
    onClick: press,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      press();
    },
  };
}

interface NodeProps extends Pick<Props, 'picked' | 'onPick'> {
  name: string;
  place: Point;
  row: Red | undefined;
}

function Node({ name, place, row, picked, onPick }: NodeProps) {
  const said = !row ? 'sends no spans' : !row.rate ? 'no requests' : `${rateText(row.rate)} · ${percent(row.failed)} · ${durationText(row.p95)}`;
  return (
    <g
      className="map-node"
      data-peer={row ? undefined : ''}
      data-health={health(row?.failed ?? null)}
      transform={`translate(${place.x - NODE.width / 2} ${place.y - NODE.height / 2})`}
      {...button(`${name} ${said}`, name, { picked, onPick })}
    >
      <rect width={NODE.width} height={NODE.height} rx={6} />
      <text className="map-name" x={NODE.width / 2} y={19} textAnchor="middle">
        {`${clipped(name)} `}
      </text>
      <text x={NODE.width / 2} y={36} textAnchor="middle" opacity={0.85}>
        {said}
      </text>
    </g>
  );
}

interface LineProps extends Pick<Props, 'picked' | 'onPick'> {
  edge: Edge;
  path: readonly Point[];
  node: Point;
}

const failuresText = (edge: Edge) =>
  [edge.failed ? `${percent(edge.failed)} fail` : '', edge.p95 === null ? '' : durationText(edge.p95)].filter(Boolean).join(' · ');

function Line({ edge, path, node, picked, onPick }: LineProps) {
  const top = node.y - NODE.height / 2;
  const d = path.length ? curve(path) : `M${node.x + 20} ${top}C${node.x + 34} ${top - 22} ${node.x - 34} ${top - 22} ${node.x - 20} ${top}`;
  const label = `${edge.from} calls ${edge.to}: ${rateText(edge.rate)} ${failuresText(edge)}`;
  return (
    <g className="map-edge" data-health={health(edge.failed)} {...button(label, edgeKey(edge), { picked, onPick })}>
      <path className="reach" d={d} />
      <path className="line" d={d} markerEnd="url(#arrow)" />
    </g>
  );
}

/** Above all lines, on ground of its own, so that none runs through it. */
function LineLabel({ edge, spot }: { edge: Edge; spot: Point | null }) {
  if (!spot) return null;
  const texts = [rateText(edge.rate), failuresText(edge)];
  const width = Math.max(...texts.map((text) => text.length)) * LETTER + 4;
  return (
    <g className="map-label" aria-hidden>
      <rect x={spot.x - width / 2} y={spot.y - LABEL.height / 2} width={width} height={LABEL.height} />
      <text x={spot.x} y={spot.y - 2}>
        <tspan x={spot.x}>{`${texts[0]} `}</tspan>
        <tspan x={spot.x} dy={13}>
          {texts[1]}
        </tspan>
      </text>
    </g>
  );
}
