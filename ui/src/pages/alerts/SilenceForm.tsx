/** A new silence: for how long, why, and which alerts it takes; what it matches now is shown before it is made. */
import { ActionIcon, Alert, Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type SyntheticEvent } from 'react';
import { silence, type Matcher } from '../../shared/api/alerts';
import { IconClose } from '../../shared/icons';
import { seconds } from '../../shared/range';
import { Failed } from '../../shared/states';
import { Time } from '../../shared/Time';
import { useAlerts } from './data';
import { matches, OPERATORS, operator, tooWide, wrongMatcher, type AlertRow } from './model';

const DURATIONS = ['15m', '30m', '1h', '2h', '4h', '8h', '1d', '3d', '7d'];
const START = '2h';

interface Props {
  /** Its labels are what the form starts from. */
  row?: AlertRow;
  close: () => void;
}

const ofLabels = (row: AlertRow | undefined): Matcher[] =>
  Object.entries(row?.labels ?? { alertname: '' }).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));

export function SilenceForm({ row, close }: Props) {
  const [matchers, setMatchers] = useState(() => ofLabels(row));
  const [lasts, setLasts] = useState(START);
  const [comment, setComment] = useState('');
  const [by, setBy] = useState('obsctl ui');
  const client = useQueryClient();
  const made = useMutation({
    mutationFn: () => {
      const now = Date.now();
      const endsAt = new Date(now + seconds(lasts)! * 1000).toISOString();
      return silence({ matchers, startsAt: new Date(now).toISOString(), endsAt, createdBy: by.trim(), comment: comment.trim() });
    },
    onSuccess: async () => {
      await Promise.all([client.invalidateQueries({ queryKey: ['alerts'] }), client.invalidateQueries({ queryKey: ['silences'] })]);
      close();
    },
  });
  const wrong = matchers.some((matcher) => wrongMatcher(matcher) !== null);
  const wide = !wrong && tooWide(matchers);
  const ready = !wrong && !wide && seconds(lasts) !== null && comment.trim() !== '' && by.trim() !== '';
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (ready) made.mutate();
  };
  return (
    <Modal opened onClose={close} title={row ? `Silence ${row.name}` : 'New silence'} size="lg">
      <Stack gap="sm" component="form" onSubmit={submit}>
        <Group gap="sm" align="flex-end">
          <NativeSelect label="For" size="xs" data={DURATIONS} value={lasts} onChange={(event) => setLasts(event.currentTarget.value)} />
          <TextInput label="By" size="xs" value={by} onChange={(event) => setBy(event.currentTarget.value)} required style={{ flex: 1 }} />
        </Group>
        <TextInput label="Comment" size="xs" placeholder="why, and who looks after it" value={comment} onChange={(event) => setComment(event.currentTarget.value)} required data-autofocus />
        <Matchers matchers={matchers} change={setMatchers} />
        {wide && (
          <Alert color="orange" variant="light" title="These matchers take every alert.">
            Name at least one label and a value that is not empty.
          </Alert>
        )}
        {!wrong && !wide && <Preview matchers={matchers} />}
        {made.error && <Failed error={made.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="xs" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" size="xs" disabled={!ready} loading={made.isPending}>
            Silence
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Matchers({ matchers, change }: { matchers: Matcher[]; change: (next: Matcher[]) => void }) {
  const set = (at: number, part: Partial<Matcher>) => change(matchers.map((matcher, index) => (index === at ? { ...matcher, ...part } : matcher)));
  return (
    <Stack gap={6} role="group" aria-label="Matchers">
      <Text size="xs" fw={500}>
        Alerts whose labels match all of
      </Text>
      {matchers.map((matcher, at) => (
        <Group key={at} gap={6} wrap="nowrap" align="flex-start">
          <TextInput size="xs" aria-label={`Label ${at + 1}`} value={matcher.name} onChange={(event) => set(at, { name: event.currentTarget.value })} style={{ flex: 2 }} miw={0} />
          <NativeSelect
            size="xs"
            aria-label={`Comparison ${at + 1}`}
            data={OPERATORS.map(({ text }) => text)}
            value={operator(matcher)}
            onChange={(event) => {
              const { isRegex, isEqual } = OPERATORS.find(({ text }) => text === event.currentTarget.value)!;
              set(at, { isRegex, isEqual });
            }}
            w={64}
            style={{ flexShrink: 0 }}
          />
          <TextInput
            size="xs"
            aria-label={`Value ${at + 1}`}
            value={matcher.value}
            onChange={(event) => set(at, { value: event.currentTarget.value })}
            error={wrongMatcher(matcher)}
            style={{ flex: 3 }}
            miw={0}
          />
          <ActionIcon variant="default" size="input-xs" aria-label={`Remove matcher ${at + 1}`} onClick={() => change(matchers.filter((_, index) => index !== at))}>
            <IconClose size={14} />
          </ActionIcon>
        </Group>
      ))}
      <Button variant="subtle" size="compact-xs" style={{ alignSelf: 'flex-start' }} onClick={() => change([...matchers, { name: '', value: '', isRegex: false, isEqual: true }])}>
        Add a matcher
      </Button>
    </Stack>
  );
}

const SHOWN = 5;

function Preview({ matchers }: { matchers: readonly Matcher[] }) {
  const { data } = useAlerts();
  const active = (data?.alerts ?? []).filter((row) => row.state === 'firing' || row.state === 'silenced' || row.state === 'inhibited');
  const taken = active.filter((row) => matches(matchers, row.labels));
  return (
    <div role="status" aria-label="Alerts that it matches">
      <Text size="xs">
        {taken.length === 0 ? 'Matches no alert that fires now; it takes those to come.' : `Matches ${taken.length} of ${active.length} alerts that fire now:`}
      </Text>
      {taken.slice(0, SHOWN).map((row) => (
        <Text key={row.key} size="xs" className="wrap-anywhere" c="dimmed">
          {row.name} {row.since !== null && <Time milliseconds={row.since} short />} {row.annotations.summary}
        </Text>
      ))}
      {taken.length > SHOWN && <Text size="xs">and {taken.length - SHOWN} more</Text>}
    </div>
  );
}
