import { QueryClientProvider } from "@tanstack/preact-query";
import { LocationProvider, lazy, Route, Router, useLocation } from "preact-iso";
import { queryClient } from "../api/queries";
import { DiscoverScreen } from "../features/discover/DiscoverScreen";
import { useLanguage } from "../ui/hooks";
import { NotFoundScreen } from "../ui/NotFoundScreen";
import { CrashBoundary } from "./CrashBoundary";
import { MembersOnly } from "./MembersOnly";
import { Shell } from "./Shell";
import { VisitorsOnly } from "./VisitorsOnly";

const QuestScreen = lazy(() => import("../features/quest/QuestScreen").then((module) => module.QuestScreen));
const CreateScreen = lazy(() => import("../features/compose/CreateScreen").then((module) => module.CreateScreen));
const EditScreen = lazy(() => import("../features/compose/EditScreen").then((module) => module.EditScreen));
const MineScreen = lazy(() => import("../features/mine/MineScreen").then((module) => module.MineScreen));
const MeScreen = lazy(() => import("../features/account/MeScreen").then((module) => module.MeScreen));
const PersonScreen = lazy(() => import("../features/account/PersonScreen").then((module) => module.PersonScreen));
const SettingsScreen = lazy(() =>
  import("../features/settings/SettingsScreen").then((module) => module.SettingsScreen),
);
const SignInScreen = lazy(() => import("../features/auth/SignInScreen").then((module) => module.SignInScreen));
const SignUpScreen = lazy(() => import("../features/auth/SignUpScreen").then((module) => module.SignUpScreen));
const ForgotScreen = lazy(() => import("../features/auth/ForgotScreen").then((module) => module.ForgotScreen));
const WelcomeScreen = lazy(() => import("../features/auth/WelcomeScreen").then((module) => module.WelcomeScreen));

const members = (Page: typeof MeScreen) => () => (
  <MembersOnly>
    <Page />
  </MembersOnly>
);

const visitors = (Page: typeof SignInScreen) => () => (
  <VisitorsOnly>
    <Page />
  </VisitorsOnly>
);

const routes = {
  "/": DiscoverScreen,
  "/quests/new": members(CreateScreen),
  "/quests/:questId": QuestScreen,
  "/quests/:questId/edit": members(EditScreen),
  "/mine": members(MineScreen),
  "/me": members(MeScreen),
  "/settings": members(SettingsScreen),
  "/people/:userId": PersonScreen,
  "/sign-in": visitors(SignInScreen),
  "/sign-up": visitors(SignUpScreen),
  "/forgot": ForgotScreen,
  "/welcome": members(WelcomeScreen),
};

function Screens() {
  const { path } = useLocation();
  return (
    <CrashBoundary path={path}>
      <Router>
        {Object.entries(routes).map(([route, component]) => (
          <Route key={route} path={route} component={component} />
        ))}
        <Route default component={NotFoundScreen} />
      </Router>
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
