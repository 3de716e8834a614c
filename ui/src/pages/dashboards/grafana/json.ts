/** Reading JSON that somebody else wrote: what has another type than expected is as if it were not there. */

export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
export const object = (value: unknown): JsonObject => (isObject(value) ? value : {});
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
export const objects = (value: unknown): readonly JsonObject[] => list(value).filter(isObject);
export const text = (value: unknown, otherwise = ''): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : otherwise);
export const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map((one) => text(one)) : value === undefined || value === null ? [] : [text(value)]);
export const flag = (value: unknown, otherwise = false): boolean => (typeof value === 'boolean' ? value : otherwise);

/** A finite number, also where it is written as text. */
export function numeric(value: unknown): number | undefined {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
}

/** The value at a path of keys. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

/** The entry of a table that somebody else's word names; what every object has besides, like `constructor`, is none. */
export function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
