/** Dragging over a chart with the mouse selects a part of its horizontal axis; fingers scroll the page. */
import type { EChartsType } from 'echarts/core';

/** Pixels; a shorter way is a click. */
const SHORTEST = 4;

/** Calls `selected` with both ends, in values of the axis. Returns what ends it. */
export function selectByDragging(box: HTMLElement, chart: EChartsType, selected: (from: number, to: number) => void): () => void {
  const shade = document.createElement('div');
  shade.className = 'chart-selection';
  const stop = new AbortController();
  let begun: { x: number; y: number } | null = null;
  let end = 0;
  const inside = (x: number, y: number) => chart.containPixel('grid', [x, y]);
  const place = (event: PointerEvent) => {
    const { left, top } = box.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const finish = () => {
    begun = null;
    shade.remove();
  };
  const listen = (type: 'pointerdown' | 'pointermove' | 'pointerup' | 'pointercancel', heard: (event: PointerEvent) => void) => box.addEventListener(type, heard, { signal: stop.signal });
  listen('pointerdown', (event) => {
    const { x, y } = place(event);
    if (event.button === 0 && event.pointerType !== 'touch' && inside(x, y)) begun = { x, y };
  });
  listen('pointermove', (event) => {
    if (!begun) return;
    const { x, y } = begun;
    end = place(event).x;
    while (Math.abs(end - x) > 1 && !inside(end, y)) end += Math.sign(x - end);
    if (!shade.isConnected) {
      if (Math.abs(end - x) < SHORTEST) return;
      box.append(shade);
      box.setPointerCapture(event.pointerId); // from here on it is no click of the chart any more
    }
    shade.style.left = `${Math.min(x, end)}px`;
    shade.style.width = `${Math.abs(end - x)}px`;
  });
  listen('pointerup', () => {
    const from = begun?.x;
    const dragged = shade.isConnected;
    finish();
    if (from === undefined || !dragged) return;
    const [first, last] = [Math.min(from, end), Math.max(from, end)].map((x) => chart.convertFromPixel({ xAxisIndex: 0 }, x));
    selected(first!, last!);
  });
  listen('pointercancel', finish);
  return () => {
    stop.abort();
    finish();
  };
}
