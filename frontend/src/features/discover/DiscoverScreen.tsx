import { useQuery } from "@tanstack/preact-query";
import { statsQuery } from "../../api/queries";
import { t } from "../../lib/text";
import { ButtonLink } from "../../ui/Button";
import { Seal } from "../../ui/icons";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { OpenQuests } from "./OpenQuests";

function Hero() {
  return (
    <section class="hero" aria-labelledby="hero-title">
      <h2 id="hero-title">{t.discover.heroTitle}</h2>
      <p>{t.discover.heroText}</p>
      <ButtonLink href="/sign-up">{t.nav.signUp}</ButtonLink>
      <Seal requestor performer />
    </section>
  );
}

const STEPS = ["post", "help", "confirm"] as const;

function Steps() {
  const { data: stats } = useQuery(statsQuery());
  return (
    <section class="stack" aria-labelledby="steps">
      <h2 id="steps">{t.discover.stepsTitle}</h2>
      <ol class="steps">
        {STEPS.map((step) => (
          <li key={step}>
            <Seal requestor={step !== "help"} performer={step !== "post"} />
            <div>
              <h3>{t.discover.steps[step].title}</h3>
              <p class="small">{t.discover.steps[step].text}</p>
            </div>
          </li>
        ))}
      </ol>
      {!!stats?.questsCreated && (
        <p class="small soft">
          {t.discover.stats({ created: stats.questsCreated, completed: stats.questsCompleted, days: stats.days })}
        </p>
      )}
    </section>
  );
}

/** A visitor's first screen. */
export function DiscoverScreen() {
  return (
    <div class="stack loose">
      <Hero />
      <OpenQuests heading={<ScreenTitle title={t.discover.title} />} />
      <Steps />
    </div>
  );
}
