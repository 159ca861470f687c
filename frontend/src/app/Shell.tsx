import { useQuery } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { config } from "../api/config";
import { healthQuery, meQuery, turnQuery } from "../api/queries";
import { withNext } from "../lib/ids";
import { number, t } from "../lib/text";
import { ButtonLink } from "../ui/Button";
import { Announcer, Note } from "../ui/feedback";
import { useService, useSession } from "../ui/hooks";
import { Icon, type IconName, Seal } from "../ui/icons";
import { ProfileLanguage } from "./ProfileLanguage";
import { SuspensionNotice } from "./SuspensionNotice";
import "./shell.css";

interface Place {
  href: string;
  icon: IconName;
  name: string;
}

const visitorPlaces = (): Place[] => [
  { href: "/", icon: "discover", name: t.nav.discover },
  { href: "/sign-in", icon: "me", name: t.nav.signIn },
  { href: "/sign-up", icon: "create", name: t.nav.signUp },
];

const memberPlaces = (moderates: boolean): Place[] => [
  { href: "/", icon: "discover", name: t.nav.discover },
  { href: "/mine", icon: "mine", name: t.nav.mine },
  { href: "/quests/new", icon: "create", name: t.nav.create },
  ...(moderates ? [{ href: "/moderation", icon: "alert" as const, name: t.nav.moderation }] : []),
  { href: "/me", icon: "me", name: t.nav.me },
];

/** More than this is not counted in a badge. */
const MANY = 99;

function Badge({ count, label }: { count: number; label: string }) {
  if (count === 0) return null;
  return (
    <span class="badge">
      <span aria-hidden="true">{count > MANY ? `${number(MANY)}+` : number(count)}</span>
      <span class="visually-hidden"> {label}</span>
    </span>
  );
}

/** The way to the inbox, with how much in it is unread. */
function Bell() {
  const { path } = useLocation();
  const { data } = useQuery(meQuery());
  const unread = data?.unread ?? 0;
  return (
    <a class="bell" href="/inbox" aria-current={path === "/inbox" ? "page" : undefined}>
      <Icon name="bell" />
      <span class="visually-hidden">{t.nav.inbox}</span>
      <Badge count={unread} label={t.nav.unread({ count: unread })} />
    </a>
  );
}

function Navigation() {
  const { session } = useSession();
  const { path } = useLocation();
  const turn = useQuery({ ...turnQuery(), enabled: !!session });
  const waiting = turn.data?.items.length ?? 0;
  return (
    <nav class="places" aria-label={t.nav.label}>
      {(session ? memberPlaces(session.groups.includes("moderators")) : visitorPlaces()).map(({ href, icon, name }) => (
        <a key={href} href={href} aria-current={path === href ? "page" : undefined}>
          <Icon name={icon} />
          <span>{name}</span>
          {href === "/mine" && <Badge count={waiting} label={t.nav.waiting({ count: waiting })} />}
        </a>
      ))}
    </nav>
  );
}

function Banners() {
  const service = useService();
  const { expired } = useSession();
  const { url, path } = useLocation();
  useQuery(healthQuery());
  const { mailbox } = config();
  return (
    <div class="banners" role="status">
      {service !== "up" && (
        <Note variant="warm" icon="clock">
          {t.banner[service]}
        </Note>
      )}
      {expired && path !== "/sign-in" && (
        <Note variant="warm">
          <div class="row apart">
            {t.banner.expired}
            <ButtonLink variant="quiet" href={withNext("/sign-in", url)}>
              {t.nav.signIn}
            </ButtonLink>
          </div>
        </Note>
      )}
      <SuspensionNotice />
      {mailbox && path.startsWith("/sign-up") && (
        <Note icon="check">
          {t.banner.local} <a href={mailbox}>{t.banner.mailbox}</a>
        </Note>
      )}
    </div>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const { session } = useSession();
  return (
    <div class="shell">
      <a class="button primary skip visually-hidden" href="#main">
        {t.nav.skip}
      </a>
      <header class="top">
        <a class="brand" href="/">
          <Seal requestor performer />
          {t.name}
        </a>
        <Navigation />
        {session && <Bell />}
      </header>
      <main id="main" tabIndex={-1}>
        <Banners />
        {children}
      </main>
      <ProfileLanguage />
      <Announcer />
    </div>
  );
}
