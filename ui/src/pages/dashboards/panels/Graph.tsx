/** A graph over time with its legend: what `timeseries` panels are. */
import { useCallback, useMemo, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { EChart, type ChartEvent } from '../../../shared/charts/EChart';
import { to, useHref } from '../../../shared/links';
import { usePlace } from '../data/place';
import { at, text } from '../grafana/json';
import { graphOption } from './graph';
import { Legend } from './Legend';
import { linesOf } from './lines';
import type { PanelProps } from './types';

export function GraphPanel({ panel, data, scope }: PanelProps) {
  const place = usePlace();
  const navigate = useNavigate();
  const href = useHref();
  const over = useRef(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const lines = useMemo(() => linesOf(data.frames, panel), [data.frames, panel]);
  const { start, end } = scope.times;
  const { marks, allTooltips, zoom } = place;
  const option = useMemo(() => {
    const drawn = lines.filter((line) => !hidden.has(line.key));
    return graphOption({ panel, lines: drawn, dots: data.dots, marks, range: { start, end }, pointed: () => allTooltips || over.current });
  }, [panel, lines, hidden, data.dots, marks, start, end, allTooltips]);
  const open = useCallback(
    (event: ChartEvent) => {
      const trace = text(at(event.data, 'trace'));
      if (over.current && trace) void navigate(href(to.trace(trace)));
    },
    [navigate, href],
  );
  const select = useCallback((from: number, until: number) => over.current && zoom(from, until), [zoom]);
  const right = at(panel.options.legend, 'placement') === 'right';
  return (
    <div className={right ? 'panel-side' : 'panel-stack'} onPointerEnter={() => (over.current = true)} onPointerLeave={() => (over.current = false)}>
      <div className="panel-chart">
        <EChart option={option} label={`Graph: ${panel.title}, ${lines.length} series`} {...(place.group && { group: place.group })} onClick={open} onSelect={select} />
      </div>
      <Legend panel={panel} lines={lines} hidden={hidden} setHidden={setHidden} scope={scope} />
    </div>
  );
}
