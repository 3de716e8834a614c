/** The whole trace on a canvas. Dragging over it looks at a part. */
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState, type PointerEvent } from 'react';
import { RED } from '../../shared/charts/palette';
import type { TraceModel } from './model';
import { WHOLE, type View } from './rows';

const CLICK = 0.005;
/** Pixels; where spans are thinner, the critical path is one line below them. */
const THIN = 3;
const percent = (part: number) => `${(part * 100).toFixed(3)}%`;

function draw(canvas: HTMLCanvasElement, trace: TraceModel, colours: readonly string[], line: string): void {
  const width = (canvas.width = Math.round(canvas.clientWidth * devicePixelRatio));
  const height = (canvas.height = Math.round(canvas.clientHeight * devicePixelRatio));
  const context = canvas.getContext('2d');
  if (!context) return;
  const row = height / trace.spans.length;
  const thin = row < THIN;
  for (let span = 0; span < trace.spans.length; span++) {
    context.fillStyle = trace.error[span] ? RED : colours[trace.service[span]!]!;
    const left = (trace.at[span]! / trace.duration) * width;
    context.fillRect(left, span * row, Math.max(1, (trace.length[span]! / trace.duration) * width), Math.max(1, row * 0.8));
  }
  context.fillStyle = line;
  for (const [span, stretches] of trace.critical)
    for (const { from, to } of stretches) {
      const top = thin ? height - THIN : Math.max(0, span) * row;
      context.fillRect((from / trace.duration) * width, top, ((to - from) / trace.duration) * width, thin ? THIN : Math.max(1, row * 0.3));
    }
}

const place = (event: PointerEvent<HTMLElement>) => {
  const box = event.currentTarget.getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
};

interface Props {
  trace: TraceModel;
  colours: readonly string[];
  view: View;
  onView: (view: View) => void;
}

export function Minimap({ trace, colours, view, onView }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme('light');
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  useEffect(() => {
    const shown = canvas.current!;
    const again = () => draw(shown, trace, colours, scheme === 'dark' ? '#fff' : '#000');
    const resized = new ResizeObserver(again);
    resized.observe(shown);
    return () => resized.disconnect();
  }, [trace, colours, scheme]);
  const end = () => {
    if (!drag) return;
    setDrag(undefined);
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    onView(to - from < CLICK ? WHOLE : { from, to });
  };
  const shown = drag ? { from: Math.min(drag.from, drag.to), to: Math.max(drag.from, drag.to) } : view;
  return (
    <div
      className="minimap"
      role="img"
      aria-label="The whole trace; drag over a part to look closer, click for the whole"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: place(event), to: place(event) });
      }}
      onPointerMove={(event) => drag && setDrag({ from: drag.from, to: place(event) })}
      onPointerUp={end}
      onPointerCancel={() => setDrag(undefined)}
    >
      <canvas ref={canvas} />
      <div className="shade" style={{ left: 0, width: percent(shown.from) }} />
      <div className="shade" style={{ right: 0, width: percent(1 - shown.to) }} />
    </div>
  );
}
