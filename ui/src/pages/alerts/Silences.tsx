/** Silences that last and those that are over. */
import { Badge, Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { expire, type Silence } from '../../shared/api/alerts';
import { useStack } from '../../shared/api/obsctl';
import { Loaded, Part } from '../../shared/Part';
import { Failed, Nothing } from '../../shared/states';
import { Time } from '../../shared/Time';
import { useSilences } from './data';
import { matcherText, silenceOrder } from './model';
import { SilenceForm } from './SilenceForm';

export function Silences() {
  const { data: stack } = useStack();
  const query = useSilences();
  const [making, setMaking] = useState(false);
  const served = stack === undefined || stack.roles.alerts !== undefined;
  const add = (
    <Button size="compact-sm" variant="light" onClick={() => setMaking(true)}>
      New silence…
    </Button>
  );
  return (
    <Part title="Silences" aside={served && add}>
      {served ? (
        <Loaded query={query} height={160}>
          {(silences) => (silences.length ? <Listed silences={silenceOrder(silences)} /> : <Nothing title="No silence was made.">Open an alert to silence it, or make one here.</Nothing>)}
        </Loaded>
      ) : (
        <Nothing title="This stack has no Alertmanager.">
          Give it one under <code>backends:</code> of obsctl.yaml.
        </Nothing>
      )}
      {making && <SilenceForm close={() => setMaking(false)} />}
    </Part>
  );
}

function Listed({ silences }: { silences: readonly Silence[] }) {
  return (
    <Stack gap={0} role="list" aria-label="Silences">
      {silences.map((silence) => (
        <One key={silence.id} silence={silence} />
      ))}
    </Stack>
  );
}

function One({ silence }: { silence: Silence }) {
  const client = useQueryClient();
  const ended = useMutation({
    mutationFn: () => expire(silence.id),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ['silences'] }), client.invalidateQueries({ queryKey: ['alerts'] })]),
  });
  const over = silence.status.state === 'expired';
  return (
    <div role="listitem" className="alert-row" style={{ padding: '6px 4px', opacity: over ? 0.75 : 1 }}>
      <Group justify="space-between" align="flex-start" wrap="nowrap" gap="xs">
        <div style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Badge size="sm" variant="light" color={over ? 'gray' : 'grape'}>
              {silence.status.state}
            </Badge>
            <Text size="sm" className="wrap-anywhere">
              {silence.comment}
            </Text>
          </Group>
          <Text className="mono wrap-anywhere">{silence.matchers.map(matcherText).join(' ')}</Text>
          <Text size="xs" c="dimmed" component="div">
            <Time milliseconds={Date.parse(silence.startsAt)} short /> – <Time milliseconds={Date.parse(silence.endsAt)} short /> · by {silence.createdBy}
          </Text>
        </div>
        {!over && (
          <Button size="compact-sm" variant="default" loading={ended.isPending} onClick={() => ended.mutate()} aria-label={`Expire the silence: ${silence.comment}`} style={{ flexShrink: 0 }}>
            Expire
          </Button>
        )}
      </Group>
      {ended.error && <Failed error={ended.error} />}
    </div>
  );
}
