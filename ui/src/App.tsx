/** The frame of all pages: navigation, range of times, theme, keys. */
import { ActionIcon, AppShell, Burger, Group, NavLink, Text, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { lazy, Suspense, useEffect, useMemo, type ComponentType, type LazyExoticComponent } from 'react';
import { Link, Route, Routes, useLocation, useNavigate } from 'react-router';
import { KeyHelp } from './KeyHelp';
import { PAGES, type Page } from './pages';
import { RangePicker } from './RangePicker';
import { useStack } from './shared/api/obsctl';
import { Boundary } from './shared/Boundary';
import { IconKeyboard, IconMoon, IconSun } from './shared/icons';
import { useKeys, type Keys } from './shared/keys';
import { href, useHref } from './shared/links';
import { Nothing, Waiting } from './shared/states';

const LOADED: ReadonlyMap<string, LazyExoticComponent<ComponentType>> = new Map(PAGES.map((page) => [page.path, lazy(page.load)]));

const current = (pathname: string): Page | undefined =>
  PAGES.find((page) => (page.path === '/' ? pathname === '/' : pathname === page.path || pathname.startsWith(`${page.path}/`)));

export function App() {
  const [opened, { toggle, close }] = useDisclosure();
  const [help, { toggle: toggleHelp, close: closeHelp }] = useDisclosure();
  const { pathname, search } = useLocation();
  const page = current(pathname);
  const { data: stack } = useStack();
  useEffect(() => {
    document.title = [page?.title, stack?.name, 'obsctl'].filter(Boolean).join(' · ');
  }, [page, stack]);
  useEffect(close, [pathname, close]);
  const navigate = useNavigate();
  const keys = useMemo<Keys>(() => {
    const go = (path: string) => () => void navigate(href({ page: path }, search));
    return { ...Object.fromEntries(PAGES.map((one) => [`g ${one.key}`, go(one.path)])), '?': toggleHelp };
  }, [navigate, search, toggleHelp]);
  useKeys(keys);
  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 176, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="sm">
      <AppShell.Header px="sm">
        <Group h="100%" gap="xs" wrap="nowrap">
          <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Pages" />
          <Link to={href({ page: '/' }, search)} className="plain">
            <Text fw={700}>obsctl</Text>
          </Link>
          <Text size="sm" c="dimmed" className="clip" visibleFrom="xs">
            {stack?.name}
          </Text>
          <Group ml="auto" gap={6} wrap="nowrap">
            <RangePicker />
            <Scheme />
            <Tooltip label="Keys (?)">
              <ActionIcon variant="default" size="input-xs" onClick={toggleHelp} aria-label="Keys" visibleFrom="sm">
                <IconKeyboard size={16} />
              </ActionIcon>
            </Tooltip>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="nav" aria-label="Pages">
        <Navigation current={page} />
      </AppShell.Navbar>
      <AppShell.Main>
        <Boundary key={pathname}>
          <Suspense fallback={<Waiting />}>
            <Pages />
          </Suspense>
        </Boundary>
      </AppShell.Main>
      <KeyHelp opened={help} onClose={closeHelp} />
    </AppShell>
  );
}

function Pages() {
  return (
    <Routes>
      {PAGES.flatMap((page) => {
        const Content = LOADED.get(page.path)!;
        return [page.path, ...(page.also ?? [])].map((path) => <Route key={path} path={path} element={<Content />} />);
      })}
      <Route path="*" element={<Nothing title="There is no such page.">The pages are in the navigation.</Nothing>} />
    </Routes>
  );
}

function Navigation({ current: shown }: { current: Page | undefined }) {
  const link = useHref();
  return PAGES.map((page) => (
    <NavLink
      key={page.path}
      component={Link}
      to={link({ page: page.path })}
      label={page.title}
      leftSection={<page.icon size={18} />}
      active={page === shown}
      aria-current={page === shown ? 'page' : undefined}
    />
  ));
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <ActionIcon variant="default" size="input-xs" onClick={() => setColorScheme(other)} aria-label={`Use the ${other} theme`}>
      {scheme === 'dark' ? <IconSun size={16} /> : <IconMoon size={16} />}
    </ActionIcon>
  );
}
