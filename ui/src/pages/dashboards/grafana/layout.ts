/** Where panels stand: no gaps between them, as Grafana moves them up. Pure. */
import type { Panel, Place } from './model';
import { COLUMNS } from './read';

/** Panels with their places from the top of their section. */
export function packed(panels: readonly Panel[]): { panel: Panel; place: Place }[] {
  const heights = Array<number>(COLUMNS).fill(0);
  const inOrder = [...panels].sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x);
  return inOrder.map((panel) => {
    const { x, w, h } = panel.place;
    const y = Math.max(...heights.slice(x, x + w));
    heights.fill(y + h, x, x + w);
    return { panel, place: { x, y, w, h } };
  });
}
