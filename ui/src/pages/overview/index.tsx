/** Is it healthy, what is slow, what fails: one page that leads to all others. */
import { Alert, Stack } from '@mantine/core';
import { Link } from 'react-router';
import { to, useHref } from '../../shared/links';
import { useRange } from '../../shared/range';
import { Calls } from './Calls';
import { useTracedServices } from './data';
import './overview.css';
import { Failures, Firing, IntakePart, LastVerify, Slos } from './Side';

export default function Overview() {
  const range = useRange();
  return (
    <Stack gap="sm">
      <Welcome />
      <Calls range={range} />
      <div className="overview-grid">
        <Firing />
        <Slos range={range} />
        <Failures range={range} />
        <LastVerify />
        <IntakePart />
      </div>
    </Stack>
  );
}

const EMPTY_POLL_MILLISECONDS = 5000;

/** With no span stored yet, what to do about it stands first. */
function Welcome() {
  const { data } = useTracedServices(EMPTY_POLL_MILLISECONDS);
  const link = useHref();
  if (data === undefined || data.length > 0) return null;
  return (
    <Alert variant="light" title="No span has arrived yet.">
      <Link to={link(to.start())}>Start</Link> says what to set in Python, Node, Java, Go and .NET, and shows what arrives.
    </Alert>
  );
}
