import { Nothing } from '../../shared/states';

export default function Overview() {
  return <Nothing title="Overview" />;
}
