/** Says how many a panel has beside those that are drawn. */
export function More({ all, shown }: { all: number; shown: number }) {
  return all > shown ? <div className="panel-more">{all - shown} more are not drawn: ask for fewer series.</div> : null;
}
