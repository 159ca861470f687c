import { QueryClientProvider } from "@tanstack/preact-query";
import type { ComponentType } from "preact";
import { ErrorBoundary, LocationProvider, Route, Router, useLocation } from "preact-iso";
import { queryClient } from "../api/queries";
import { DiscoverScreen } from "../features/discover/DiscoverScreen";
import { useLanguage, useSession } from "../ui/hooks";
import { NotFoundScreen } from "../ui/NotFoundScreen";
import { CrashBoundary } from "./CrashBoundary";
import { LoadingBar, setLoading } from "./LoadingBar";
import { lazyScreen } from "./lazyScreen";
import { MembersOnly } from "./MembersOnly";
import { Shell } from "./Shell";
import { VisitorsOnly } from "./VisitorsOnly";

const QuestScreen = lazyScreen(() => import("../features/quest/QuestScreen").then((module) => module.QuestScreen));
const CreateScreen = lazyScreen(() => import("../features/compose/CreateScreen").then((module) => module.CreateScreen));
const EditScreen = lazyScreen(() => import("../features/compose/EditScreen").then((module) => module.EditScreen));
const HomeScreen = lazyScreen(() => import("../features/discover/HomeScreen").then((module) => module.HomeScreen));
const InboxScreen = lazyScreen(() => import("../features/inbox/InboxScreen").then((module) => module.InboxScreen));
const MineScreen = lazyScreen(() => import("../features/mine/MineScreen").then((module) => module.MineScreen));
const MeScreen = lazyScreen(() => import("../features/account/MeScreen").then((module) => module.MeScreen));
const PersonScreen = lazyScreen(() => import("../features/account/PersonScreen").then((module) => module.PersonScreen));
const SettingsScreen = lazyScreen(() =>
  import("../features/settings/SettingsScreen").then((module) => module.SettingsScreen),
);
const SignInScreen = lazyScreen(() => import("../features/auth/SignInScreen").then((module) => module.SignInScreen));
const SignUpScreen = lazyScreen(() => import("../features/auth/SignUpScreen").then((module) => module.SignUpScreen));
const ForgotScreen = lazyScreen(() => import("../features/auth/ForgotScreen").then((module) => module.ForgotScreen));
const UnsubscribeScreen = lazyScreen(() =>
  import("../features/unsubscribe/UnsubscribeScreen").then((module) => module.UnsubscribeScreen),
);
const ReportsScreen = lazyScreen(() =>
  import("../features/reports/ReportsScreen").then((module) => module.ReportsScreen),
);
const QueueScreen = lazyScreen(() => import("../features/moderation/QueueScreen").then((module) => module.QueueScreen));
const CaseScreen = lazyScreen(() => import("../features/moderation/CaseScreen").then((module) => module.CaseScreen));
const WelcomeScreen = lazyScreen(() => import("../features/auth/WelcomeScreen").then((module) => module.WelcomeScreen));

/** Remounts a screen when another member signs in, so that it keeps no data of the former one. */
function OfOneMember({ of: Screen }: { of: ComponentType }) {
  const { generation } = useSession();
  return <Screen key={generation} />;
}

const everybody = (Screen: ComponentType) => () => <OfOneMember of={Screen} />;

const members = (Screen: ComponentType) => () => (
  <MembersOnly>
    <OfOneMember of={Screen} />
  </MembersOnly>
);

const visitors = (Screen: ComponentType) => () => (
  <VisitorsOnly>
    <Screen />
  </VisitorsOnly>
);

/** The same address is a member's day, and a visitor's first look. */
function FirstScreen() {
  return useSession().session ? <HomeScreen /> : <DiscoverScreen />;
}

const routes = {
  "/": everybody(FirstScreen),
  "/quests/new": members(CreateScreen),
  "/quests/:questId": everybody(QuestScreen),
  "/quests/:questId/edit": members(EditScreen),
  "/mine": members(MineScreen),
  "/inbox": members(InboxScreen),
  "/me": members(MeScreen),
  "/settings": members(SettingsScreen),
  "/people/:userId": everybody(PersonScreen),
  "/reports": members(ReportsScreen),
  "/moderation": members(QueueScreen),
  "/moderation/:reportId": members(CaseScreen),
  "/sign-in": visitors(SignInScreen),
  "/sign-up": visitors(SignUpScreen),
  "/forgot": ForgotScreen,
  "/unsubscribe": UnsubscribeScreen,
  "/welcome": members(WelcomeScreen),
};

function Screens() {
  const { path } = useLocation();
  return (
    <CrashBoundary path={path}>
      <LoadingBar />
      {/* preact-iso takes a screen that is on its way for an error without it. */}
      <ErrorBoundary>
        <Router onLoadStart={() => setLoading(true)} onLoadEnd={() => setLoading(false)}>
          {Object.entries(routes).map(([route, component]) => (
            <Route key={route} path={route} component={component} />
          ))}
          <Route default component={NotFoundScreen} />
        </Router>
      </ErrorBoundary>
    </CrashBoundary>
  );
}

export function App() {
  const language = useLanguage();
  return (
    <QueryClientProvider client={queryClient}>
      <LocationProvider>
        <Shell key={language}>
          <Screens />
        </Shell>
      </LocationProvider>
    </QueryClientProvider>
  );
}
