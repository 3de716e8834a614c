/** Which series are hidden after a click: one alone and back, or one more or less of them. */
export function toggled(key: string, all: readonly string[], hidden: ReadonlySet<string>, alone: boolean): ReadonlySet<string> {
  if (alone) {
    const others = all.filter((one) => one !== key);
    const isAlone = !hidden.has(key) && others.every((one) => hidden.has(one)) && others.length > 0;
    return new Set(isAlone ? [] : others);
  }
  const next = new Set(hidden);
  if (!next.delete(key)) next.add(key);
  return next;
}
