import { lookUp, number, t } from "../../lib/text";
import "./account.css";

interface Props {
  confirmedBy: number;
  points?: number;
  xp: number;
  reputation: number;
  completed: number;
}

/** The member's figures, the one that cannot be made by two friends alone first and large, and what each one means. */
export function Totals({ confirmedBy, points, completed, reputation, xp }: Props) {
  const figures = Object.entries({ confirmedBy, points, completed, reputation, xp }).filter(
    (figure): figure is [keyof typeof t.person.explain, number] => figure[1] !== undefined,
  );
  return (
    <>
      <dl class="totals">
        {figures.map(([name, value]) => (
          <div key={name} data-figure={name}>
            <dt>{t.person[name]}</dt>
            <dd>{number(value)}</dd>
          </div>
        ))}
      </dl>
      <details class="small">
        <summary>{t.person.explainTitle}</summary>
        <dl class="explained">
          {figures.map(([name]) => (
            <div key={name}>
              <dt>{t.person[name]}</dt>
              <dd class="soft">{t.person.explain[name]}</dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}

export function Interests({ interests }: { interests: readonly string[] }) {
  return (
    <p class="row">
      {interests.map((interest) => (
        <span class="pill" key={interest} dir="auto">
          {lookUp(t.category, interest) ?? interest}
        </span>
      ))}
    </p>
  );
}
