/** Why a check says what it says: hint, notes, and evidence whose queries lead to the page that answers them. */
import { Anchor, Stack, Text } from '@mantine/core';
import { Link } from 'react-router';
import { CopyText } from '../../shared/CopyText';
import { useHref } from '../../shared/links';
import type { Check } from './api';
import { evidenceTarget } from './model';

export function CheckDetail({ check }: { check: Check }) {
  return (
    <Stack gap={6}>
      {check.hint && <Hint text={check.hint} />}
      {check.notes.map((note) => (
        <Text key={note} size="xs" className="wrap-anywhere">
          {note}
        </Text>
      ))}
      {check.evidence.length > 0 && (
        <dl className="evidence" aria-label={`Evidence of ${check.id}`}>
          {check.evidence.map(({ query, answer }, at) => (
            <div key={at}>
              <dt>
                <Query query={query} signal={check.signal} />
              </dt>
              <dd>{answer}</dd>
            </div>
          ))}
        </dl>
      )}
      {check.evidence.length === 0 && !check.hint && check.notes.length === 0 && (
        <Text size="xs" c="dimmed">
          It has no evidence to show.
        </Text>
      )}
    </Stack>
  );
}

function Query({ query, signal }: { query: string; signal: string }) {
  const link = useHref();
  const target = evidenceTarget(query, signal);
  if (!target) return <>{query}</>;
  return (
    <Anchor component={Link} to={link(target)} inherit>
      {query}
    </Anchor>
  );
}

const COMMAND = /^(?:obsctl|docker|curl|pip|make) /;

/** What to do next; a command can be copied. */
function Hint({ text }: { text: string }) {
  return (
    <div className="hint">
      <Text size="sm" className="wrap-anywhere">
        {text}
      </Text>
      {text
        .split(/(?:: |; |\n)/)
        .filter((part) => COMMAND.test(part))
        .map((command) => (
          <CopyText key={command} text={command} label={`Copy: ${command}`} />
        ))}
    </div>
  );
}
