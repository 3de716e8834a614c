/** What fires and why, the silences, the rules behind it, and who was told. */
import { Stack, Tabs } from '@mantine/core';
import { useSearchParams } from 'react-router';
import '../overview/overview.css';
import { AlertList } from './AlertList';
import { Notifications } from './Notifications';
import { Rules } from './Rules';
import { Silences } from './Silences';

const TABS = [
  ['alerts', 'Alerts', AlertList],
  ['silences', 'Silences', Silences],
  ['rules', 'Rules', Rules],
  ['notifications', 'Notifications', Notifications],
] as const;

export default function Alerts() {
  const [params, setParams] = useSearchParams();
  const tab = TABS.find(([name]) => name === params.get('tab'))?.[0] ?? 'alerts';
  const change = (next: string | null) =>
    setParams((old) => {
      const changed = new URLSearchParams(old);
      for (const name of ['tab', 'alert', 'find', 'state']) changed.delete(name);
      if (next && next !== 'alerts') changed.set('tab', next);
      return changed;
    });
  return (
    <Tabs value={tab} onChange={change} keepMounted={false}>
      <Tabs.List aria-label="Parts of alerting">
        {TABS.map(([name, title]) => (
          <Tabs.Tab key={name} value={name} px="xs">
            {title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {TABS.map(([name, , Content]) => (
        <Tabs.Panel key={name} value={name} pt="sm">
          <Stack gap="sm">
            <Content />
          </Stack>
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
