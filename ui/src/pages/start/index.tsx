/** How the first span comes here, and the moment when it does. */
import { Alert, Anchor, Box, Group, Stack, Tabs, Text, TextInput } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { useStack, type Stack as Stacked } from '../../shared/api/obsctl';
import { searchTraces, type FoundTrace } from '../../shared/api/traces';
import { CopyText } from '../../shared/CopyText';
import { to, useHref } from '../../shared/links';
import { Loaded, Part } from '../../shared/Part';
import { Failed, Nothing } from '../../shared/states';
import { Time } from '../../shared/Time';
import { useParam } from '../alerts/params';
import { useIntake, useTracedServices } from '../overview/data';
import { intakeRates } from '../overview/intake';
import '../overview/overview.css';
import { environment, LANGUAGES, type Language, type Target } from './languages';

const POLL_MILLISECONDS = 2000;
const DAY = 86_400;

export default function Start() {
  const stack = useStack();
  return (
    <Loaded query={stack} height={400}>
      {(data) => (
        <Stack gap="sm" maw={980}>
          <Arrived stack={data} />
          <Send stack={data} />
          <SoFar />
        </Stack>
      )}
    </Loaded>
  );
}

/** The newest trace of the last day. */
async function newest(stack: Stacked, signal: AbortSignal): Promise<FoundTrace | null> {
  const end = Date.now() / 1000;
  const { traces } = await searchTraces(stack, { service: '', start: end - DAY, end: end + 60, limit: 1 }, signal);
  return traces.reduce<FoundTrace | null>((best, one) => (best && best.start >= one.start ? best : one), null);
}

/** Until a service is there it is asked for often; its trace is looked up then. */
function Arrived({ stack }: { stack: Stacked }) {
  const services = useTracedServices(POLL_MILLISECONDS);
  const arrived = (services.data ?? []).length > 0;
  const found = useQuery<FoundTrace | null>({
    queryKey: ['start', 'newest', services.data],
    queryFn: ({ signal }) => newest(stack, signal),
    enabled: arrived,
    placeholderData: keepPreviousData,
  });
  return (
    <Box role="status" aria-label="Arrival" mih={92}>
      {arrived ? <Welcome services={services.data ?? []} trace={found.data ?? null} /> : <Awaited stack={stack} error={services.error} asked={services.data !== undefined} />}
    </Box>
  );
}

function Awaited({ stack, error, asked }: { stack: Stacked; error: Error | null; asked: boolean }) {
  if (stack.roles.traces === undefined)
    return (
      <Alert variant="light" title="This stack stores no traces.">
        Give it a backend with the role <code>traces</code> in obsctl.yaml.
      </Alert>
    );
  if (error) return <Failed error={error} />;
  if (!asked) return null;
  return (
    <Alert variant="light" title="Waiting for the first span.">
      This page turns by itself when it comes.
    </Alert>
  );
}

const NAMED = 5;

function Welcome({ services, trace }: { services: readonly string[]; trace: FoundTrace | null }) {
  const link = useHref();
  const names = services.slice(0, NAMED).join(', ') + (services.length > NAMED ? ` and ${services.length - NAMED} more` : '');
  return (
    <Alert color="green" variant="light" title={`Spans have arrived, of ${names}.`}>
      <Text size="sm" className="wrap-anywhere" component="div">
        {trace && (
          <>
            The newest trace: <Link to={link(to.trace(trace.id))}>{trace.name || trace.id}</Link>, <Time milliseconds={trace.start} short />.{' '}
          </>
        )}
        Next: the <Link to={link(to.overview())}>overview</Link>, and <Link to={link(to.verify())}>verify</Link>, which proves that all of it fits together.
      </Text>
    </Alert>
  );
}

function Send({ stack }: { stack: Stacked }) {
  const [chosen, choose] = useParam('language');
  const [service, setService] = useState('my-service');
  const language = LANGUAGES.find((one) => one.id === chosen) ?? LANGUAGES[0]!;
  const target: Target = { http: stack.roles['otlp-http']?.url ?? null, grpc: stack.roles['otlp-grpc']?.url ?? null };
  return (
    <Part title="Send telemetry here">
      {target.http === null && target.grpc === null ? (
        <Nothing title="This stack has no receiver of OTLP.">
          Give it one with the role <code>otlp-http</code> under <code>backends:</code> of obsctl.yaml.
        </Nothing>
      ) : (
        <Stack gap="sm">
          <Group gap="lg">
            <Endpoint name="OTLP over HTTP" url={target.http} />
            <Endpoint name="OTLP over gRPC" url={target.grpc} />
          </Group>
          <Tabs value={language.id} onChange={(next) => choose(next ?? '')} keepMounted={false}>
            <Tabs.List aria-label="Languages">
              {LANGUAGES.map(({ id, name }) => (
                <Tabs.Tab key={id} value={id} px="xs">
                  {name}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value={language.id} pt="sm">
              <Stack gap="sm">
                <TextInput label="Name of the service" size="xs" value={service} onChange={(event) => setService(event.currentTarget.value)} maw={280} />
                <Steps language={language} target={target} service={service.replace(/[^\w.-]/g, '-') || 'my-service'} />
              </Stack>
            </Tabs.Panel>
          </Tabs>
        </Stack>
      )}
    </Part>
  );
}

function Endpoint({ name, url }: { name: string; url: string | null }) {
  if (url === null) return null;
  return (
    <Group gap={6} wrap="nowrap">
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text className="mono wrap-anywhere">{url}</Text>
      <CopyText text={url} label={`Copy the endpoint of ${name}`} />
    </Group>
  );
}

function Steps({ language, target, service }: { language: Language; target: Target; service: string }) {
  const steps: readonly [string, string][] = [
    ['Install', language.install],
    [language.file, language.example],
    ['Set', environment(language, target, service)],
    ['Run', language.run],
    ['Send a request', 'curl http://localhost:8080/'],
  ];
  return steps.map(([title, text]) => (
    <div key={title}>
      <Group gap={6} mb={2}>
        <Text size="sm" fw={500}>
          {title}
        </Text>
        <CopyText text={text} label={`Copy: ${title}`} />
      </Group>
      <pre className="snippet" tabIndex={0} aria-label={title}>
        {text}
      </pre>
    </div>
  ));
}

function SoFar() {
  const { query, readings } = useIntake();
  const link = useHref();
  return (
    <Part title="What came in so far">
      <Loaded query={query} height={70}>
        {(newest) =>
          newest.supported ? (
            <Group gap="xl">
              {intakeRates(readings, newest).map(({ signal, unit, total, refused }) => (
                <Text key={signal} size="sm">
                  <b>{total.toLocaleString()}</b> {unit}
                  {refused > 0 && <span className="bad"> · {refused.toLocaleString()} refused</span>}
                </Text>
              ))}
            </Group>
          ) : (
            <Text size="sm">
              The receivers of this stack do not say what they take. Look for <Anchor component={Link} to={link(to.traces())}>traces</Anchor>.
            </Text>
          )
        }
      </Loaded>
    </Part>
  );
}
