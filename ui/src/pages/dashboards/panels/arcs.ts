/** Arcs of circles as paths of SVG. Pure. */

export interface Centre {
  x: number;
  y: number;
}

/** A point of a circle at a share of its whole turn; 0 is at the top, and it goes around as a clock does. */
function point(share: number, radius: number, centre: Centre): string {
  const angle = (share - 0.25) * 2 * Math.PI;
  return `${(centre.x + radius * Math.cos(angle)).toFixed(2)} ${(centre.y + radius * Math.sin(angle)).toFixed(2)}`;
}

/** A piece of a circle. A whole turn would begin where it ends, and be nothing: it stays a little short of it. */
function turn(from: number, until: number): { end: number; large: 0 | 1 } {
  const length = Math.max(0, Math.min(0.9999, until - from));
  return { end: from + length, large: length > 0.5 ? 1 : 0 };
}

export function arc(from: number, until: number, radius: number, centre: Centre): string {
  const { end, large } = turn(from, until);
  return `M ${point(from, radius, centre)} A ${radius} ${radius} 0 ${large} 1 ${point(end, radius, centre)}`;
}

/** A slice of a pie, with a hole of `inner` in the middle. */
export function slice(from: number, until: number, radius: number, inner: number, centre: Centre): string {
  const { end, large } = turn(from, until);
  const back = inner ? `L ${point(end, inner, centre)} A ${inner} ${inner} 0 ${large} 0 ${point(from, inner, centre)}` : `L ${centre.x} ${centre.y}`;
  return `${arc(from, until, radius, centre)} ${back} Z`;
}

/** Where a text in the middle of a slice stands. */
export function middle(from: number, until: number, radius: number, centre: Centre): Centre {
  const [x, y] = point((from + until) / 2, radius, centre).split(' ');
  return { x: Number(x), y: Number(y) };
}
