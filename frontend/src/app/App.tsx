import { QueryClientProvider } from "@tanstack/preact-query";
import { LocationProvider, lazy, Route, Router, useLocation } from "preact-iso";
import { queryClient } from "../api/queries";
import { DiscoverPage } from "../features/discover/DiscoverPage";
import { NotFoundPage } from "../ui/NotFoundPage";
import { CrashBoundary } from "./CrashBoundary";
import { MembersOnly } from "./MembersOnly";
import { Shell } from "./Shell";
import { VisitorsOnly } from "./VisitorsOnly";

const QuestPage = lazy(() => import("../features/quest/QuestPage").then((module) => module.QuestPage));
const CreatePage = lazy(() => import("../features/compose/ComposePages").then((module) => module.CreatePage));
const EditPage = lazy(() => import("../features/compose/ComposePages").then((module) => module.EditPage));
const MinePage = lazy(() => import("../features/mine/MinePage").then((module) => module.MinePage));
const MePage = lazy(() => import("../features/account/MePage").then((module) => module.MePage));
const SettingsPage = lazy(() => import("../features/account/SettingsPage").then((module) => module.SettingsPage));
const PersonPage = lazy(() => import("../features/account/PersonPage").then((module) => module.PersonPage));
const auth = () => import("../features/auth/AuthPages");
const SignInPage = lazy(() => auth().then((module) => module.SignInPage));
const SignUpPage = lazy(() => auth().then((module) => module.SignUpPage));
const ForgotPage = lazy(() => auth().then((module) => module.ForgotPage));
const WelcomePage = lazy(() => auth().then((module) => module.WelcomePage));

const members = (Page: typeof MePage) => () => (
  <MembersOnly>
    <Page />
  </MembersOnly>
);

const visitors = (Page: typeof SignInPage) => () => (
  <VisitorsOnly>
    <Page />
  </VisitorsOnly>
);

const routes = {
  "/": DiscoverPage,
  "/quests/new": members(CreatePage),
  "/quests/:questId": QuestPage,
  "/quests/:questId/edit": members(EditPage),
  "/mine": members(MinePage),
  "/me": members(MePage),
  "/settings": members(SettingsPage),
  "/people/:userId": PersonPage,
  "/sign-in": visitors(SignInPage),
  "/sign-up": visitors(SignUpPage),
  "/forgot": ForgotPage,
  "/welcome": members(WelcomePage),
};

function Screens() {
  const { path } = useLocation();
  return (
    <CrashBoundary path={path}>
      <Router>
        {Object.entries(routes).map(([route, component]) => (
          <Route key={route} path={route} component={component} />
        ))}
        <Route default component={NotFoundPage} />
      </Router>
    </CrashBoundary>
  );
}

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <LocationProvider>
        <Shell>
          <Screens />
        </Shell>
      </LocationProvider>
    </QueryClientProvider>
  );
}
