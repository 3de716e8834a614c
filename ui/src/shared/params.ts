/** The state of a page in its URL. */
import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

export type ParamChanges = Record<string, string | null | undefined>;

/** The parameters, and how to change some: null or an empty text takes one away. `replace` keeps the browser's history short. */
export function useParamState(): [URLSearchParams, (changes: ParamChanges, replace?: boolean) => void] {
  const [params, setParams] = useSearchParams();
  const change = useCallback(
    (changes: ParamChanges, replace = false) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          for (const [name, value] of Object.entries(changes)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace },
      ),
    [setParams],
  );
  return [params, change];
}
